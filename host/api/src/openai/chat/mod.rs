//! `POST /chat/completions`: from a request to a run, and from its chunks to a whole answer or a
//! stream of frames.

mod fields;
mod frame;
mod request;
mod response;
mod summary;
mod wire;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hayrick_runtime::guest_call::ClientRequest;
use hayrick_runtime::run_stream::RunStream;
use hayrick_types::failure::FailureKind;
use hayrick_types::id::RunId;

use self::frame::FrameWriter;
use self::request::Delivery;
use self::summary::Identity;
use crate::access::Access;
use crate::error::ApiError;
use crate::request_id::{ACCEL_BUFFERING, RUN_ID};
use crate::state::ApiState;
use crate::{answer_stream, body, json, request_id};

/// Answers one chat completion. A client that hangs up drops this future, or the body it returned,
/// and with it the run.
pub(crate) async fn complete(State(state): State<ApiState>, request: Request) -> Response {
    let run = request
        .extensions()
        .get::<RunId>()
        .copied()
        .unwrap_or_else(RunId::fresh);
    let mut response = answer(&state, run, request)
        .await
        .unwrap_or_else(|error| refuse(run, error));
    response
        .headers_mut()
        .insert(RUN_ID, request_id::of_run(run));
    response
}

fn refuse(run: RunId, error: ApiError) -> Response {
    if error.status().is_server_error() {
        tracing::warn!(%run, status = error.status().as_u16(), reason = error.message(), "a chat completion failed");
    }
    error.into_response()
}

async fn answer(state: &ApiState, run: RunId, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let body = body::read(body, state.config()).await?;
    let asked = request::parse(
        body,
        state.forwarded(&head.headers),
        state.config().json_depth_max,
    )?;
    // Every route has one; without it nothing is allowed.
    let access = head
        .extensions
        .get::<Access>()
        .ok_or_else(ApiError::no_key)?;
    access.check_pipeline(&asked.chat.model)?;
    let identity = Identity::new(run, asked.chat.model.clone());
    let (model, request) = (asked.chat.model.clone(), ClientRequest::Chat(asked.chat));
    let started = state.runtime().answer(run, &model, request).await;
    let stream = started.map_err(|failure| match failure.kind {
        FailureKind::NotFound => ApiError::no_model(failure.message),
        _ => ApiError::from(failure),
    })?;
    match asked.delivery {
        Delivery::Whole => Ok(json::answer(
            StatusCode::OK,
            &response::collect(stream, identity).await?,
        )),
        Delivery::Stream(options) => {
            let frames = FrameWriter::new(&identity, options);
            let body = answer_stream::body(
                stream,
                RunStream::spawn,
                frames,
                state.config().keep_alive_interval,
            )
            .await?;
            Ok(event_stream(body))
        }
    }
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
