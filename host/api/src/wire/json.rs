//! Answers whose body is JSON.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with `value` as its body.
pub(crate) fn answer(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => of(status, JSON, Body::from(body)),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            of(StatusCode::INTERNAL_SERVER_ERROR, JSON, Body::empty())
        }
    }
}

/// Whether every reader can read a plugin's JSON. What is skipped unread, as `RawValue` does, may
/// lie 100,000 levels deep, or have half a character in a string: it would make the whole answer
/// unreadable for its client.
pub(crate) fn is_readable(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn of(status: StatusCode, kind: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_could_not_read_is_not_readable() {
        assert!(is_readable(r#"{"a": [1, "\ud83d\ude00"]}"#));
        for text in [
            "",
            "{",
            r#""\ud800""#,
            r#"{"a": "\udc00"}"#,
            "1e999",
            &"[".repeat(200),
            &("[".repeat(200) + &"]".repeat(200)),
        ] {
            assert!(!is_readable(text), "{text}");
        }
    }
}
