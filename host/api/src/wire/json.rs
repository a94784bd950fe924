//! JSON on the wire: whole responses, and values on one line of a stream.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::{BufMut, BytesMut};
use hayrick_types::json_line::LINE_ENDS;
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A successful response with `value` as its body.
pub(crate) fn ok(value: &impl Serialize) -> Response {
    response(StatusCode::OK, value)
}

/// A successful response whose body is this document.
pub(crate) fn of_text(json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A text as a JSON string.
pub(crate) fn text(text: &str) -> String {
    // A text can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// A response with `value` as its body.
pub(crate) fn response(status: StatusCode, value: &impl Serialize) -> Response {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, Body::from(body)),
        Err(error) => {
            tracing::error!(%error, "a response cannot be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, Body::empty())
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Writes a value that contains no JSON of a plugin, which is one line by itself.
pub(crate) fn write(out: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    // Writing to memory cannot fail, and neither can these types.
    let _ = serde_json::to_writer(out.writer(), value);
}

/// Writes a value that may contain JSON of a plugin, on one line.
pub(crate) fn write_line(out: &mut BytesMut, value: &impl Serialize) {
    // These types cannot fail to be written.
    write_lines(out, &serde_json::to_string(value).unwrap_or_default());
}

/// Writes a JSON document of a plugin on one line.
pub(crate) fn write_lines(out: &mut BytesMut, json: &str) {
    for piece in json.split(LINE_ENDS) {
        out.put_slice(piece.as_bytes());
    }
}
