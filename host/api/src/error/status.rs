//! The HTTP status of each kind of failure.

use axum::http::StatusCode;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;

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

/// Whether the same request would fail again, although its status makes clients send it again: the
/// plugin failed, or a limit of the run was reached. A busy host or model is another matter.
pub(crate) fn is_final(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Failed => true,
        FailureKind::Timeout => !matches!(
            failure.limit,
            Some(
                LimitName::UpstreamConnectTimeout
                    | LimitName::UpstreamFirstTokenTimeout
                    | LimitName::UpstreamIdleTimeout
            )
        ),
        FailureKind::Limit => failure.limit.is_some() && failure.retry_after.is_none(),
        _ => false,
    }
}
