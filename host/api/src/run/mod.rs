//! `POST /{pipeline}/run`: JSON or a form in; a value, a file, text or events out.

mod answer;
mod form_values;
mod input;

use axum::extract::{Request, State};
use axum::response::Response;
use hayrick_runtime::guest_call::{ApiRequest, ClientRequest};
use hayrick_types::id::RunId;

use self::input::Arrived;
use crate::body::parsing;
use crate::edge::request_id;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::wire::params::PathParams;

/// A client that hangs up drops this future, or the body it returned, and with it the run and the
/// files.
pub(crate) async fn run(
    State(state): State<ApiState>,
    pipeline: Result<PathParams<String>, ApiError>,
    request: Request,
) -> Response {
    let run = request_id::run_of(&request);
    let result = async { respond(&state, run, &pipeline?.0, request).await };
    request_id::response_of_run(run, result.await)
}

async fn respond(
    state: &ApiState,
    run: RunId,
    pipeline: &str,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let trace = request_id::trace_of(&head.extensions);
    if let Some(trace) = &trace {
        trace.set_pipeline(pipeline, None);
    }
    // A pipeline without an API is refused before its body is read.
    let api = state.runtime().api(pipeline)?;
    let mut held = state.hold_body(&head.extensions);
    let arrived = input::read(state, pipeline, &head, body, &mut held).await?;
    let depth_max = state.settings().json_depth_max;
    let check = move |arrived: Arrived| arrived.check(&api, depth_max);
    let (input, files) = parsing::parse(state, &head.extensions, arrived, check).await?;
    let request = ClientRequest::Api(ApiRequest {
        input,
        files,
        headers: state.forwarded(&head.headers),
    });
    let chunks = state.runtime().answer(run, pipeline, request).await?;
    if let Some(trace) = &trace {
        trace.set_pipeline(pipeline, Some(chunks.version()));
    }
    let keep_alive = state.settings().keep_alive_interval;
    answer::respond(chunks, &head.headers, keep_alive, trace).await
}
