//! The HTTP status of each kind of failure.

use axum::http::StatusCode;
use hayrick_types::failure::FailureKind;

/// The status a client gets.
pub(crate) fn of(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::InvalidInput => StatusCode::BAD_REQUEST,
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::Denied => StatusCode::FORBIDDEN,
        FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        // No standard has a status for a client that left, and it is not a failure of the server.
        // nginx uses this one.
        FailureKind::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        FailureKind::Limit => StatusCode::TOO_MANY_REQUESTS,
        FailureKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
