//! What the routes of OpenAI that run a pipeline begin with: a body that has arrived, and a run that
//! has started.

use axum::extract::Request;
use axum::http::request::Parts;
use hayrick_runtime::guest_call::ClientRequest;
use hayrick_runtime::run_stream::RunStream;
use hayrick_services::byte_shares::Share;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;

use crate::body::read;
use crate::edge::request_id;
use crate::edge::request_trace::RequestTrace;
use crate::error::ApiError;
use crate::gate::access::Access;
use crate::state::ApiState;

/// A request whose body has arrived.
pub(super) struct Received {
    pub(super) head: Parts,
    pub(super) access: Access,
    pub(super) body: String,
    /// Counts the body until the first chunk; then the guest has the request in its own memory.
    pub(super) held: Share,
}

/// Reads the body of a request within its limits.
///
/// # Errors
/// The body is too long, arrives too slowly, is not text, or does not fit beside the bodies of
/// others.
pub(super) async fn receive(state: &ApiState, request: Request) -> Result<Received, ApiError> {
    let (head, body) = request.into_parts();
    // The gate adds one to every request; without it nothing is allowed.
    let access = head.extensions.get::<Access>().cloned();
    let access = access.ok_or_else(ApiError::invalid_key)?;
    let mut held = state.hold_body(&head.extensions);
    let body = read::text(&head.headers, body, state.settings(), &mut held).await?;
    Ok(Received {
        head,
        access,
        body,
        held,
    })
}

/// Starts the run of a request, whose pipeline stands in the log from now on.
///
/// # Errors
/// The run cannot start; OpenAI says of a pipeline that is not there that the model is unknown.
pub(super) async fn start(
    state: &ApiState,
    run: RunId,
    head: &Parts,
    pipeline: &str,
    request: ClientRequest,
) -> Result<(RunStream, Option<RequestTrace>), ApiError> {
    let trace = request_id::trace_of(&head.extensions);
    let started = state.runtime().answer(run, pipeline, request).await;
    if let Some(trace) = &trace {
        let version = started.as_ref().ok().map(RunStream::version);
        trace.set_pipeline(pipeline, version);
    }
    Ok((started.map_err(refusal)?, trace))
}

/// The error of a run that cannot start.
pub(super) fn refusal(failure: Failure) -> ApiError {
    match failure.kind {
        FailureKind::NotFound => ApiError::unknown_model(failure.message),
        _ => ApiError::from(failure),
    }
}
