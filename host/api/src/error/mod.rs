//! Errors of the API: OpenAI's error object, and what becomes one with which status. No other
//! module decides over the status of an error.

pub(crate) mod limit_count;
mod sources;
mod status;

use std::time::Duration;

use axum::http::header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hayrick_runtime::schema::mistake::Mistake;
use hayrick_services::keys::key::Scope;
use hayrick_types::id::PIPELINE_NAME_BYTES_MAX;
use hayrick_types::limit_name::LimitName;
use serde::Serialize;

use self::limit_count::ReachedLimit;
use crate::body::encoding::TAKEN;
use crate::edge::request_trace::Reason;
use crate::wire::json;

/// The code of an error that a limit causes; `param` names the limit.
const LIMIT_EXCEEDED: &str = "limit_exceeded";
/// Wrong fields that the message names; all of them stand in `detail`.
const FIELDS_SHOWN_MAX: usize = 8;
/// Characters of a client's path that an error repeats.
const ECHO_CHARS_MAX: usize = 256;

/// Tells the clients of OpenAI whether to send the same request again. Without it they do after a
/// 408, a 409, a 429 and every 5xx.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A response that is an error.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
    retry_after: Option<Duration>,
    /// The same request would fail again.
    is_final: bool,
    /// A limit that was reached and is not counted yet.
    reached: Option<LimitName>,
    /// Every field that is wrong.
    fields: Vec<WrongField>,
}

/// A field that is wrong, as FastAPI's clients read it.
#[derive(Debug, Serialize)]
struct WrongField {
    #[serde(rename = "type")]
    kind: String,
    loc: Vec<String>,
    msg: String,
}

/// The error on the wire, in a response and in a stream.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorFields<'a>,
}

/// The error as the body of a response: with `detail`, where clients of FastAPI and Hayhooks look.
#[derive(Debug, Serialize)]
struct ResponseBody<'a> {
    #[serde(flatten)]
    body: ErrorBody<'a>,
    detail: Detail<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Message(&'a str),
    Fields(&'a [WrongField]),
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
            is_final: false,
            reached: None,
            fields: Vec::new(),
        }
    }

    /// The request is wrong, in the field `param` if that is known.
    pub(crate) fn invalid(message: impl Into<String>, param: Option<&'static str>) -> ApiError {
        ApiError {
            param,
            ..ApiError::new(StatusCode::BAD_REQUEST, message)
        }
    }

    /// The input of a run does not match its schema, in these fields.
    pub(crate) fn invalid_fields(mistakes: &[Mistake]) -> ApiError {
        let named = mistakes.iter().take(FIELDS_SHOWN_MAX).map(|mistake| {
            let path = mistake.path.join(".");
            format!(
                "{}: {}",
                if path.is_empty() { "the input" } else { &path },
                mistake.message
            )
        });
        let named: Vec<String> = named.collect();
        let rest = mistakes.len().saturating_sub(named.len());
        let rest = if rest > 0 {
            format!("; and {rest} more")
        } else {
            String::new()
        };
        let message = format!(
            "the input does not match its schema, which is in GET /openapi.json: {}{rest}",
            named.join("; ")
        );
        let fields = mistakes.iter().map(|mistake| WrongField {
            kind: mistake.keyword.clone(),
            loc: ["body".to_owned()]
                .into_iter()
                .chain(mistake.path.clone())
                .collect(),
            msg: mistake.message.clone(),
        });
        ApiError {
            code: Some("invalid_input"),
            fields: fields.collect(),
            ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message)
        }
    }

    /// The input of a run has a form that no run takes.
    pub(crate) fn unknown_input(message: impl Into<String>) -> ApiError {
        ApiError {
            code: Some("unsupported_media_type"),
            ..ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
        }
    }

    /// The field `model` does not name a pipeline.
    pub(crate) fn unknown_model(message: impl Into<String>) -> ApiError {
        ApiError {
            param: Some("model"),
            code: Some("model_not_found"),
            ..ApiError::new(StatusCode::NOT_FOUND, message)
        }
    }

    /// There is no such pipeline; the request `list` lists the pipelines.
    pub(crate) fn unknown_pipeline(name: &str, list: &str) -> ApiError {
        let name: String = name.chars().take(PIPELINE_NAME_BYTES_MAX).collect();
        ApiError::unknown_model(format!(
            "there is no pipeline '{name}': {list} lists the pipelines"
        ))
    }

    /// A name in the path is not text.
    pub(crate) fn path_not_utf8() -> ApiError {
        ApiError::invalid(
            "the name in the path is not UTF-8: encode it as UTF-8, then percent-encode it",
            None,
        )
    }

    /// No route has this path.
    pub(crate) fn unknown_path(method: &Method, path: &str) -> ApiError {
        let path: String = path.chars().take(ECHO_CHARS_MAX).collect();
        let message = format!(
            "this route is not served: {method} {path}. Chat is at POST /v1/chat/completions, and \
             GET /openapi.json describes every route"
        );
        ApiError {
            code: Some("unknown_url"),
            ..ApiError::new(StatusCode::NOT_FOUND, message)
        }
    }

    /// A route has this path, with other methods.
    pub(crate) fn unknown_method(method: &Method, path: &str) -> ApiError {
        let message =
            format!("{path} does not take {method}: the header 'allow' lists its methods");
        ApiError {
            code: Some("method_not_allowed"),
            ..ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
        }
    }

    /// The key is missing, unknown or expired: one message for all, so that nobody learns which.
    pub(crate) fn invalid_key() -> ApiError {
        let message = "the API key is missing or not valid: make one with `hayrick keys create`, \
            and send it as 'Authorization: Bearer KEY' or \
            'X-API-Key: KEY'";
        ApiError {
            code: Some("invalid_api_key"),
            ..ApiError::new(StatusCode::UNAUTHORIZED, message)
        }
    }

    /// The request came through a proxy, and this server is open to its own machine only.
    pub(crate) fn not_local() -> ApiError {
        let message = "this server needs no key from its own machine, and this request came \
            through a proxy: send a key made with `hayrick keys create`, or have the operator add \
            the proxy to [server] trusted_proxies if its clients are on this machine";
        ApiError {
            code: Some("invalid_api_key"),
            ..ApiError::new(StatusCode::UNAUTHORIZED, message)
        }
    }

    /// The key does not have the scope.
    pub(crate) fn missing_scope(scope: Scope) -> ApiError {
        let scope = scope.as_str();
        let message = format!(
            "the API key does not have the scope '{scope}': use one made with `hayrick keys \
             create --scope {scope}`"
        );
        ApiError {
            code: Some("insufficient_scope"),
            ..ApiError::new(StatusCode::FORBIDDEN, message)
        }
    }

    /// The key is not for this pipeline, whether it exists or not.
    pub(crate) fn pipeline_not_allowed(name: &str) -> ApiError {
        let name: String = name.chars().take(PIPELINE_NAME_BYTES_MAX).collect();
        let message = format!(
            "this API key is not for the pipeline '{name}': GET /v1/models lists the pipelines it is for"
        );
        ApiError {
            param: Some("model"),
            code: Some("model_not_allowed"),
            ..ApiError::new(StatusCode::FORBIDDEN, message)
        }
    }

    /// A web page of another origin may have sent the request.
    pub(crate) fn cross_origin(message: impl Into<String>, code: &'static str) -> ApiError {
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
        // After zero seconds a client would come back at once.
        let retry_after = Some(wait.max(Duration::from_secs(1)));
        ApiError {
            code: Some("rate_limit_exceeded"),
            param: Some(limit.as_str()),
            reached: Some(limit),
            retry_after,
            ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// The change may have been made, but is not in the audit log.
    pub(crate) fn not_recorded() -> ApiError {
        let message = "the audit log cannot be written, so this change is not acknowledged: check \
            the disk of the data folder, and see GET /status \
            for what serves now";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// There is nothing with that name.
    pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError {
            code: Some("not_found"),
            ..ApiError::new(StatusCode::NOT_FOUND, message)
        }
    }

    /// The request contradicts the state it would change.
    pub(crate) fn conflict(message: impl Into<String>) -> ApiError {
        ApiError {
            code: Some("conflict"),
            is_final: true,
            ..ApiError::new(StatusCode::CONFLICT, message)
        }
    }

    /// The client sent too much.
    pub(crate) fn too_large(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// The same error, because of this limit, which is counted when the response leaves.
    pub(crate) fn limit(self, limit: LimitName) -> ApiError {
        ApiError {
            param: Some(limit.as_str()),
            code: Some(LIMIT_EXCEEDED),
            reached: Some(limit),
            ..self
        }
    }

    /// The client has stopped sending.
    pub(crate) fn too_slow(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, message)
    }

    /// The disk is full.
    pub(crate) fn disk_full(message: impl Into<String>) -> ApiError {
        ApiError {
            code: Some("insufficient_storage"),
            ..ApiError::new(StatusCode::INSUFFICIENT_STORAGE, message)
        }
    }

    #[cfg(test)]
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

/// OpenAI's name for a class of errors.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let detail = match self.fields.as_slice() {
            [] => Detail::Message(&self.message),
            fields => Detail::Fields(fields),
        };
        let body = ResponseBody {
            body: self.body(),
            detail,
        };
        let mut response = json::response(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"hayrick\""),
            );
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            let taken = HeaderValue::from_static(TAKEN);
            response.headers_mut().insert(ACCEPT_ENCODING, taken);
        }
        if self.status.is_server_error() {
            response.extensions_mut().insert(Reason(self.message));
        }
        if self.is_final {
            response
                .headers_mut()
                .insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Some(limit) = self.reached {
            response.extensions_mut().insert(ReachedLimit(limit));
        }
        if let Some(delay) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
        }
        response
    }
}

/// Rounded up, because a client that comes back too early is refused again.
fn whole_seconds(delay: Duration) -> u64 {
    delay
        .as_secs()
        .saturating_add(u64::from(delay.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use hayrick_types::failure::{Failure, FailureKind};

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
