//! A request that is refused before its body was read: its connection cannot serve another, and its
//! client has to know.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::Response;

/// What the server reads to its end by itself, so that the connection serves on.
const READ_ANYWAY: u64 = 16 << 10;

/// Says `connection: close` with a refusal of a large request, whose rest is still on its way.
pub(crate) async fn close(request: Request, next: Next) -> Response {
    let is_large = request
        .body()
        .size_hint()
        .upper()
        .is_none_or(|bytes| bytes > READ_ANYWAY);
    let mut response = next.run(request).await;
    if is_large && (response.status().is_client_error() || response.status().is_server_error()) {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
