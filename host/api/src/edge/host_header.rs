//! Refuses requests whose `Host` is missing, repeated or unreadable, as RFC 9112 (3.2) asks: a proxy
//! in front of the server could take such a request for one to another host.

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Passes a request on if its `Host` is right.
pub(crate) async fn require(request: Request, next: Next) -> Response {
    match check(request.version(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check(version: Version, headers: &HeaderMap) -> Result<(), ApiError> {
    let mut values = headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        // HTTP/1.0 does not have it.
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(invalid("is missing: HTTP/1.1 requires it")),
        (Some(_), Some(_)) => Err(invalid("occurs twice: send it once")),
        (Some(host), None) => {
            let text = host.to_str().unwrap_or_default();
            let is_authority = text.parse::<Authority>().is_ok() && !text.contains('@');
            // A client may leave it empty, as for an address without a host.
            (is_authority || host.is_empty())
                .then_some(())
                .ok_or_else(|| invalid("is not a host name with an optional port"))
        }
    }
}

fn invalid(what: &str) -> ApiError {
    ApiError::invalid(format!("the header Host {what}"), None)
}
