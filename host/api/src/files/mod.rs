//! `POST /{pipeline}/files`: a form with files, answered with text while it is made, or with
//! events.

use axum::extract::{Request, State};
use axum::response::Response;
use hayrick_runtime::guest_call::{ClientRequest, FilesRequest};
use hayrick_runtime::run_stream::RunStream;
use hayrick_services::uploads::spool::Owner;
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;

use crate::body::text_answer::{EventWriter, PLAIN_TEXT, TextWriter};
use crate::body::{answer_stream, encoding, form};
use crate::edge::request_id;
use crate::error::ApiError;
use crate::gate::holder::holder;
use crate::sse;
use crate::state::ApiState;
use crate::wire::accept;
use crate::wire::params::PathParams;

const HOW: &str =
    "send multipart/form-data with at least one file, as `curl -F file=@notes.txt` does";

/// A client that hangs up drops this future, or the body it returned, and with it the run and the
/// files.
pub(crate) async fn process(
    State(state): State<ApiState>,
    pipeline: Result<PathParams<String>, ApiError>,
    request: Request,
) -> Response {
    let run = request_id::run_of(&request);
    let result = async { answer(&state, run, &pipeline?.0, request).await };
    request_id::response_of_run(run, result.await)
}

async fn answer(
    state: &ApiState,
    run: RunId,
    pipeline: &str,
    request: Request,
) -> Result<Response, ApiError> {
    // A pipeline that cannot take files is refused before a gigabyte is read.
    state.runtime().check(pipeline, Export::Files)?;
    encoding::check_plain(request.headers())?;
    let (head, body) = request.into_parts();
    let owner = Owner {
        client: &holder(&head.extensions),
        pipeline,
    };
    let spool = (&state.services().spool, owner);
    let mut held = state.hold_body(&head.extensions);
    let form = form::read(body, &head.headers, spool, state.settings(), &mut held).await?;
    if form.files.is_empty() {
        let text = format!("the form has no file: {HOW}");
        return Err(ApiError::invalid(text, None));
    }
    let headers = state.forwarded(&head.headers);
    let request = ClientRequest::Files(FilesRequest { form, headers });
    let trace = request_id::trace_of(&head.extensions);
    let chunks = state.runtime().answer(run, pipeline, request).await?;
    if let Some(trace) = &trace {
        trace.set_pipeline(pipeline, Some(chunks.version()));
    }
    let keep_alive = state.settings().keep_alive_interval;
    if accept::events(&head.headers) {
        let body =
            answer_stream::body(chunks, RunStream::spawn, EventWriter, keep_alive, trace).await?;
        return Ok(sse::response(body));
    }
    let body = answer_stream::body(chunks, RunStream::spawn, TextWriter, keep_alive, trace).await?;
    Ok(answer_stream::response(PLAIN_TEXT, body))
}
