//! `POST /{pipeline}/files`: a form of files, answered as text while it is made, or as events.

mod encode;
mod form;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hayrick_runtime::guest_call::{ClientRequest, FilesRequest};
use hayrick_runtime::run_stream::RunStream;
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;

use self::encode::{EventWriter, TextWriter};
use crate::error::ApiError;
use crate::request_id::RUN_ID;
use crate::state::ApiState;
use crate::{answer_stream, request_id};

/// The routes of this protocol.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/{pipeline}/files", post(process))
}

/// A client that hangs up drops this future, or the body it returned, and with it the run and the
/// files.
async fn process(
    State(state): State<ApiState>,
    pipeline: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let run = request
        .extensions()
        .get::<RunId>()
        .copied()
        .unwrap_or_else(RunId::fresh);
    let answered = match pipeline {
        Ok(Path(pipeline)) => answer(&state, run, &pipeline, request).await,
        Err(_) => Err(ApiError::no_text()),
    };
    let mut response = answered.unwrap_or_else(|error| {
        if error.status().is_server_error() {
            tracing::warn!(%run, status = error.status().as_u16(), reason = error.message(), "a run over files failed");
        }
        error.into_response()
    });
    response
        .headers_mut()
        .insert(RUN_ID, request_id::of_run(run));
    response
}

async fn answer(
    state: &ApiState,
    run: RunId,
    pipeline: &str,
    request: Request,
) -> Result<Response, ApiError> {
    // Before a gigabyte is read for nobody.
    state.runtime().check(pipeline, Export::Files)?;
    let (head, body) = request.into_parts();
    let form = form::read(body, &head.headers, &state.services().spool, state.config()).await?;
    let headers = state.forwarded(&head.headers);
    let request = ClientRequest::Files(FilesRequest { form, headers });
    let chunks = state.runtime().answer(run, pipeline, request).await?;
    let keep_alive = state.config().keep_alive_interval;
    if wants_events(&head.headers) {
        let body =
            answer_stream::body(chunks, RunStream::spawn, EventWriter::default(), keep_alive)
                .await?;
        return Ok(stream("text/event-stream; charset=utf-8", body));
    }
    let body =
        answer_stream::body(chunks, RunStream::spawn, TextWriter::default(), keep_alive).await?;
    Ok(stream("text/plain; charset=utf-8", body))
}

fn wants_events(headers: &HeaderMap) -> bool {
    let kinds = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    kinds
        .filter_map(|kind| kind.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

fn stream(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
        .headers_mut()
        .insert(request_id::ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_to_those_who_ask_for_them() {
        for (accept, expected) in [
            ("*/*", false),
            ("text/event-stream", true),
            ("text/plain, TEXT/event-stream;q=0.5", true),
            ("text/event", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_events(&headers), expected, "{accept}");
        }
    }
}
