//! OpenAI's error object, and what becomes one.

use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hayrick_runtime::error::{DeployError, Fault};
use hayrick_services::jobs::error::JobError;
use hayrick_services::keys::key::Scope;
use hayrick_services::tasks::error::TasksError;
use hayrick_services::uploads::UploadError;
use hayrick_types::failure::Failure;
use hayrick_types::id::PIPELINE_NAME_BYTES_MAX;
use hayrick_types::limit_name::LimitName;
use serde::Serialize;

use crate::body::BodyError;
use crate::pace::TooSlow;
use crate::uncounted::Uncounted;
use crate::{json, status};

/// The code of an error that is due to a limit; `param` names it.
const LIMIT_EXCEEDED: &str = "limit_exceeded";
/// Characters of what a client sent that are said back to it.
const ECHO_CHARS_MAX: usize = 256;

/// Before another deploy is worth a try.
const BUSY_RETRY: Duration = Duration::from_secs(5);

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
    retry_after: Option<Duration>,
    /// A limit that nobody has counted yet.
    uncounted: Option<LimitName>,
}

/// The error on the wire, in an answer and in a frame of a stream.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorFields<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorFields<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
            uncounted: None,
        }
    }

    /// The request is wrong, in the field `param` if it is known.
    pub(crate) fn invalid(message: impl Into<String>, param: Option<&'static str>) -> ApiError {
        ApiError {
            param,
            ..ApiError::new(StatusCode::BAD_REQUEST, message)
        }
    }

    /// The field `model` names no pipeline.
    pub(crate) fn no_model(message: impl Into<String>) -> ApiError {
        ApiError {
            param: Some("model"),
            code: Some("model_not_found"),
            ..ApiError::new(StatusCode::NOT_FOUND, message)
        }
    }

    /// There is no such pipeline; `list` is the request that lists those there are.
    pub(crate) fn no_pipeline(name: &str, list: &str) -> ApiError {
        let name: String = name.chars().take(PIPELINE_NAME_BYTES_MAX).collect();
        ApiError::no_model(format!(
            "there is no pipeline '{name}': {list} lists those there are"
        ))
    }

    /// A name in the path is no text.
    pub(crate) fn no_text() -> ApiError {
        ApiError::invalid("the path is not UTF-8 where it names a pipeline", None)
    }

    /// There is nothing at this path.
    pub(crate) fn no_route(method: &Method, path: &str) -> ApiError {
        let path: String = path.chars().take(ECHO_CHARS_MAX).collect();
        let message = format!(
            "there is no route {method} {path}: chat is at POST /v1/chat/completions, and GET /status tells what runs"
        );
        ApiError {
            code: Some("unknown_url"),
            ..ApiError::new(StatusCode::NOT_FOUND, message)
        }
    }

    /// There is something at this path, for other methods.
    pub(crate) fn no_method(method: &Method, path: &str) -> ApiError {
        let message =
            format!("{path} does not take {method}: the header 'allow' lists what it takes");
        ApiError {
            code: Some("method_not_allowed"),
            ..ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
        }
    }

    /// No key, or one that opens nothing: the same words for each, so that nobody learns which.
    pub(crate) fn no_key() -> ApiError {
        let message = "there is no API key with this request, or it is not valid (any more): send one that `hayrick keys create` has made, as \
            'Authorization: Bearer KEY' or 'X-API-Key: KEY'";
        ApiError {
            code: Some("invalid_api_key"),
            ..ApiError::new(StatusCode::UNAUTHORIZED, message)
        }
    }

    /// The key has not the scope.
    pub(crate) fn no_scope(scope: Scope) -> ApiError {
        let scope = scope.as_str();
        let message = format!(
            "this needs an API key with the scope '{scope}': use one made with `hayrick keys create --scope {scope}`"
        );
        ApiError {
            code: Some("insufficient_scope"),
            ..ApiError::new(StatusCode::FORBIDDEN, message)
        }
    }

    /// The key is not for this pipeline, which need not be there.
    pub(crate) fn no_access(name: &str) -> ApiError {
        let name: String = name.chars().take(PIPELINE_NAME_BYTES_MAX).collect();
        let message = format!(
            "this API key is not for the pipeline '{name}': GET /v1/models lists those it is for"
        );
        ApiError {
            param: Some("model"),
            code: Some("model_not_allowed"),
            ..ApiError::new(StatusCode::FORBIDDEN, message)
        }
    }

    /// A request that a foreign web page may have made.
    pub(crate) fn foreign(message: impl Into<String>, code: &'static str) -> ApiError {
        ApiError {
            code: Some(code),
            ..ApiError::new(StatusCode::FORBIDDEN, message)
        }
    }

    /// Too many requests, because of this limit; the next one may come after `wait`.
    pub(crate) fn too_many(
        message: impl Into<String>,
        limit: LimitName,
        wait: Duration,
    ) -> ApiError {
        // A client that waits for nothing comes back at once.
        let retry_after = Some(wait.max(Duration::from_secs(1)));
        ApiError {
            code: Some("rate_limit_exceeded"),
            param: Some(limit.as_str()),
            uncounted: Some(limit),
            retry_after,
            ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// The change may be made, and is in no log.
    pub(crate) fn unrecorded() -> ApiError {
        let message = "the audit log cannot be written, so this change is not acknowledged: see GET /status for what serves, and to the disk \
            of the data folder";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// There is nothing of that name.
    pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError {
            code: Some("not_found"),
            ..ApiError::new(StatusCode::NOT_FOUND, message)
        }
    }

    /// What is asked for contradicts what is there.
    pub(crate) fn conflict(message: impl Into<String>) -> ApiError {
        ApiError {
            code: Some("conflict"),
            ..ApiError::new(StatusCode::CONFLICT, message)
        }
    }

    /// What was sent is more than is taken.
    pub(crate) fn too_large(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// The same, because of this limit, which is counted when the answer leaves.
    pub(crate) fn limit(self, limit: LimitName) -> ApiError {
        ApiError {
            param: Some(limit.as_str()),
            code: Some(LIMIT_EXCEEDED),
            uncounted: Some(limit),
            ..self
        }
    }

    /// The client has stopped sending.
    pub(crate) fn too_slow(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, message)
    }
    /// The disk is full.
    pub(crate) fn no_space(message: impl Into<String>) -> ApiError {
        ApiError {
            code: Some("insufficient_storage"),
            ..ApiError::new(StatusCode::INSUFFICIENT_STORAGE, message)
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The error on the wire.
    pub(crate) fn body(&self) -> ErrorBody<'_> {
        let error = ErrorFields {
            message: &self.message,
            kind: kind(self.status),
            param: self.param,
            code: self.code,
        };
        ErrorBody { error }
    }
}

/// OpenAI's word for a class of errors.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> ApiError {
        let status = status::of(failure.kind);
        let code = match status {
            StatusCode::TOO_MANY_REQUESTS => Some("rate_limit_exceeded"),
            StatusCode::SERVICE_UNAVAILABLE => Some("unavailable"),
            StatusCode::GATEWAY_TIMEOUT => Some("timeout"),
            _ => None,
        };
        // A client that is refused for a time has always been told so in this word.
        let code = if failure.limit.is_some() && status != StatusCode::TOO_MANY_REQUESTS {
            Some(LIMIT_EXCEEDED)
        } else {
            code
        };
        let param = failure.limit.map(LimitName::as_str);
        ApiError {
            code,
            param,
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
                uncounted: limit,
                ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message)
            },
            Fault::Name => ApiError::invalid(message, None),
            Fault::Taken => ApiError::conflict(message),
            Fault::Size => ApiError::too_large(message).limit(LimitName::ComponentBytesMax),
            Fault::Busy => ApiError::too_many(message, LimitName::DeploysMax, BUSY_RETRY),
            Fault::Space => ApiError::no_space(message),
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
            JobError::DiskFull(_) => ApiError::no_space(error.to_string()),
            _ => {
                let failure = Failure::from(error);
                let uncounted = failure.limit;
                ApiError {
                    uncounted,
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

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> ApiError {
        match &error {
            UploadError::TooLong { .. } => {
                ApiError::too_large(error.to_string()).limit(LimitName::FileBytesMax)
            }
            UploadError::Full => ApiError::no_space(error.to_string()),
            UploadError::Disk(_) => Failure::from(error).into(),
        }
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
            BodyError::NotText { .. } | BodyError::BrokeOff(_) => StatusCode::BAD_REQUEST,
        };
        let answer = ApiError::new(status, error.to_string());
        match error.limit() {
            Some(limit) => answer.limit(limit),
            None => answer,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json::answer(self.status, &self.body());
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"hayrick\""),
            );
        }
        if let Some(limit) = self.uncounted {
            response.extensions_mut().insert(Uncounted(limit));
        }
        if let Some(delay) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
        }
        response
    }
}

/// Rounded up: a client that comes back too early is refused again.
fn whole_seconds(delay: Duration) -> u64 {
    delay
        .as_secs()
        .saturating_add(u64::from(delay.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use hayrick_types::failure::FailureKind;

    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_status_and_type() {
        let cases = [
            (FailureKind::InvalidInput, 400, "invalid_request_error"),
            (FailureKind::NotFound, 404, "invalid_request_error"),
            (FailureKind::Denied, 403, "permission_error"),
            (FailureKind::Unavailable, 503, "server_error"),
            (FailureKind::Timeout, 504, "server_error"),
            (FailureKind::Cancelled, 499, "invalid_request_error"),
            (FailureKind::Limit, 429, "rate_limit_error"),
            (FailureKind::Failed, 500, "server_error"),
        ];
        for (failure, status, kind) in cases {
            let error = ApiError::from(Failure::new(failure, "because"));
            assert_eq!(error.status().as_u16(), status, "{failure:?}");
            let body = serde_json::to_value(error.body()).unwrap();
            assert_eq!(
                (&body["error"]["type"], &body["error"]["message"]),
                (&kind.into(), &"because".into()),
                "{failure:?}"
            );
            assert!(
                body["error"].get("param").is_some() && body["error"].get("code").is_some(),
                "{body}"
            );
        }
    }

    #[test]
    fn retry_after_is_rounded_up() {
        for (millis, seconds) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2")] {
            let failure =
                Failure::new(FailureKind::Limit, "full").retry_after(Duration::from_millis(millis));
            assert_eq!(
                ApiError::from(failure).into_response().headers()[RETRY_AFTER],
                seconds,
                "{millis}"
            );
        }
    }
}
