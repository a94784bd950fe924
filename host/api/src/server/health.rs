//! Probes: whether the process lives, and whether it takes requests.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::edge::request_trace::Reason;
use crate::state::ApiState;
use crate::wire::json;

/// `GET /health/live`: 200 while the process can respond at all.
pub(crate) async fn live() -> Response {
    json::ok(&json!({"status": "live"}))
}

/// `GET /health/ready`: 503 until the plugins that were in the folder at the start have been
/// loaded, while the store cannot be used, and once the server drains.
pub(crate) async fn ready(State(state): State<ApiState>) -> Response {
    let (status, name) = match (state.is_draining(), state.runtime().is_ready()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
        (false, true) => match state.services().database.check().await {
            Ok(()) => (StatusCode::OK, "ready"),
            Err(error) => {
                tracing::warn!("not ready: {error}");
                (StatusCode::SERVICE_UNAVAILABLE, "store")
            }
        },
    };
    let mut response = json::response(status, &json!({"status": name}));
    response.extensions_mut().insert(Reason(name.to_owned()));
    response
}
