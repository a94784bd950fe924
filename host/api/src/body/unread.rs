//! Closes the connection of a request that is refused before its body was read: it cannot serve
//! another request, and the client must know.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::Response;

/// The server reads a rest of this length by itself, so that the connection can serve on.
const READ_ANYWAY: u64 = 16 << 10;

/// Adds `connection: close` to the refusal of a large request, whose rest is still on its way.
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
