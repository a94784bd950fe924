//! `GET /openapi.json`: what every route takes and returns, for people, programs and the tests that
//! hold the server to it. `GET /docs` shows it as a page.

pub(crate) mod document;
pub(crate) mod page;
mod pipelines;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde_json::Value;

use crate::gate::access::Access;
use crate::state::ApiState;

/// `GET /openapi.json`, with the pipelines that the client may use.
pub(crate) async fn show(
    State(state): State<ApiState>,
    Extension(access): Extension<Access>,
) -> Response {
    let mut apis = state.runtime().apis();
    apis.retain(|name, _| access.check_pipeline(name).is_ok());
    let body = state.document();
    let body = if apis.is_empty() {
        Body::from(body)
    } else {
        // The host wrote it.
        let mut document: Value = serde_json::from_slice(&body).unwrap_or_default();
        for (name, api) in &apis {
            pipelines::add(&mut document, name, api);
        }
        Body::from(document.to_string())
    };
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
