//! What each kind of failure is to a client: its status, its limit, and whether to try again.

use std::time::Duration;

use axum::http::StatusCode;
use hayrick_runtime::error::{DeployError, Fault};
use hayrick_services::byte_shares::Full;
use hayrick_services::jobs::error::JobError;
use hayrick_services::state::error::StateError;
use hayrick_services::tasks::error::TasksError;
use hayrick_services::uploads::UploadError;
use hayrick_types::failure::Failure;
use hayrick_types::limit_name::LimitName;

use super::status;
use super::{ApiError, LIMIT_EXCEEDED};
use crate::body::encoding::NotTaken;
use crate::body::pace::TooSlow;
use crate::body::read::BodyError;

/// How long a client should wait before it sends again what the host had no room for.
const BUSY_RETRY: Duration = Duration::from_secs(5);

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> ApiError {
        let status = status::of(failure.kind);
        let code = match status {
            StatusCode::TOO_MANY_REQUESTS => Some("rate_limit_exceeded"),
            StatusCode::SERVICE_UNAVAILABLE => Some("unavailable"),
            StatusCode::GATEWAY_TIMEOUT => Some("timeout"),
            _ => None,
        };
        // `rate_limit_exceeded` stays: clients know it as the reason to try again later.
        let code = if failure.limit.is_some() && status != StatusCode::TOO_MANY_REQUESTS {
            Some(LIMIT_EXCEEDED)
        } else {
            code
        };
        let param = failure.limit.map(LimitName::as_str);
        ApiError {
            code,
            param,
            is_final: status::is_final(&failure),
            retry_after: failure.retry_after,
            ..ApiError::new(status, failure.message)
        }
    }
}

impl From<DeployError> for ApiError {
    fn from(error: DeployError) -> ApiError {
        let (message, limit) = (error.to_string(), error.limit());
        match error.fault() {
            Fault::Component => ApiError {
                code: Some("not_deployable"),
                param: limit.map(LimitName::as_str),
                reached: limit,
                ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message)
            },
            Fault::Name => ApiError::invalid(message, None),
            Fault::Taken => ApiError::conflict(message),
            Fault::Size => ApiError::too_large(message).limit(LimitName::ComponentBytesMax),
            Fault::Busy => ApiError::too_many(message, LimitName::DeploysMax, BUSY_RETRY),
            Fault::Space => ApiError::disk_full(message),
            Fault::Host => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message),
        }
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> ApiError {
        match &error {
            JobError::Conflict { .. } | JobError::NotRetryable { .. } => {
                ApiError::conflict(error.to_string())
            }
            JobError::DiskFull(_) => ApiError::disk_full(error.to_string()),
            _ => {
                let failure = Failure::from(error);
                let reached = failure.limit;
                ApiError {
                    reached,
                    ..failure.into()
                }
            }
        }
    }
}

impl From<TasksError> for ApiError {
    fn from(error: TasksError) -> ApiError {
        Failure::from(error).into()
    }
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> ApiError {
        Failure::from(error).into()
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> ApiError {
        match &error {
            UploadError::TooLong { .. } => {
                ApiError::too_large(error.to_string()).limit(LimitName::FileBytesMax)
            }
            UploadError::NoRoom(full) => (*full).into(),
            UploadError::Full => ApiError::disk_full(error.to_string()),
            UploadError::Disk(_) => Failure::from(error).into(),
        }
    }
}

impl From<Full> for ApiError {
    fn from(full: Full) -> ApiError {
        ApiError::too_many(full.to_string(), full.limit, BUSY_RETRY)
    }
}

impl From<TooSlow> for ApiError {
    fn from(error: TooSlow) -> ApiError {
        ApiError::too_slow(error.to_string()).limit(error.limit())
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> ApiError {
        let status = match error {
            BodyError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow { .. } | BodyError::Pace(_) => StatusCode::REQUEST_TIMEOUT,
            BodyError::Encoding(error) => return error.into(),
            BodyError::NoRoom(full) => return full.into(),
            BodyError::NotText { .. } | BodyError::BrokeOff(_) | BodyError::Encoded(_) => {
                StatusCode::BAD_REQUEST
            }
        };
        let refusal = ApiError::new(status, error.to_string());
        match error.limit() {
            Some(limit) => refusal.limit(limit),
            None => refusal,
        }
    }
}

impl From<NotTaken> for ApiError {
    fn from(error: NotTaken) -> ApiError {
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string())
    }
}
