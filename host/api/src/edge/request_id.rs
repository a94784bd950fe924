//! The id in every response, which is the client's own or that of the run, and the id of the run in
//! the responses of runs.

use axum::extract::Request;
use axum::http::{Extensions, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hayrick_types::id::RunId;

use crate::edge::request_trace::{Reason, RequestTrace};
use crate::error::ApiError;

/// Bytes of the longest id that a client may send.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// The header with the id of the request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with the id of the run, and so of its task, whatever id the request has.
pub(crate) const RUN_ID: HeaderName = HeaderName::from_static("x-hayrick-run");
/// Keeps nginx from buffering a stream.
pub(crate) const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Gives a request its `RunId` and its id, and the response that id.
pub(crate) async fn tag(mut request: Request, next: Next) -> Response {
    let run = RunId::fresh();
    let id = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| is_well_formed(id))
        .cloned()
        .unwrap_or_else(|| header_value(run));
    let (method, path) = (request.method().clone(), request.uri().path());
    let trace = RequestTrace::new(id.clone(), run, method, path);
    request.extensions_mut().insert(run);
    request.extensions_mut().insert(trace.clone());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    let status = response.status();
    tracing::debug!(request = ?id, %run, status = status.as_u16(), "answered");
    let reason = response.extensions_mut().remove::<Reason>();
    trace.refused(status, reason.as_ref().map_or("", |reason| &reason.0));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The id of the run that a request starts.
pub(crate) fn run_of(request: &Request) -> RunId {
    request
        .extensions()
        .get::<RunId>()
        .copied()
        .unwrap_or_else(RunId::fresh)
}

/// What is known of a request, for the log.
pub(crate) fn trace_of(extensions: &Extensions) -> Option<RequestTrace> {
    extensions.get::<RequestTrace>().cloned()
}

/// The response of a run, with its id.
pub(crate) fn response_of_run(run: RunId, result: Result<Response, ApiError>) -> Response {
    let mut response = result.into_response();
    response.headers_mut().insert(RUN_ID, header_value(run));
    response
}

fn header_value(run: RunId) -> HeaderValue {
    // Hex digits are always valid in a header.
    HeaderValue::try_from(run.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn is_well_formed(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=CLIENT_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_client_is_short_and_printable() {
        for (id, expected) in [
            ("a", true),
            ("req_7-Ä", false),
            ("two words", false),
            ("", false),
            ("{\"x\"}", true),
        ] {
            assert_eq!(
                is_well_formed(&HeaderValue::from_bytes(id.as_bytes()).unwrap()),
                expected,
                "{id:?}"
            );
        }
        for (length, expected) in [(128, true), (129, false)] {
            assert_eq!(
                is_well_formed(&HeaderValue::try_from("x".repeat(length)).unwrap()),
                expected,
                "{length}"
            );
        }
    }
}
