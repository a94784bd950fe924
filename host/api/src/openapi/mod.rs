//! `GET /openapi.json`: what every route takes and returns, for people, programs and the tests that
//! hold the server to it.

pub(crate) mod document;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;

use crate::state::ApiState;

/// `GET /openapi.json`.
pub(crate) async fn show(State(state): State<ApiState>) -> Response {
    let mut response = Response::new(Body::from(state.document()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
