//! Answers whose body is JSON.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

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

fn of(status: StatusCode, kind: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
