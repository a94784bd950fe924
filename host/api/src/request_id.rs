//! The id every answer carries: the client's own, or the run's.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use hayrick_types::id::RunId;

/// Longest id a client may give, in bytes.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// The header of the id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header that names the run, and so its task, whatever id the client gave its request.
pub(crate) const RUN_ID: HeaderName = HeaderName::from_static("x-hayrick-run");
/// Tells nginx not to hold a stream back.
pub(crate) const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Gives a request its `RunId` and its id, and its answer the latter.
pub(crate) async fn tag(mut request: Request, next: Next) -> Response {
    let run = RunId::fresh();
    let id = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| is_well_formed(id))
        .cloned()
        .unwrap_or_else(|| of_run(run));
    request.extensions_mut().insert(run);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    tracing::debug!(request = ?id, %run, %method, path, status = response.status().as_u16(), "answered");
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// A run's id as a header's value.
pub(crate) fn of_run(run: RunId) -> HeaderValue {
    // Hex digits are always a header's value.
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
    fn a_request_id_of_a_client_is_short_and_visible() {
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
