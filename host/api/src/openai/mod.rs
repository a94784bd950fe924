//! OpenAI's protocol: chat completions and models, each with and without `/v1`.

mod chat;
mod models;

use axum::Router;
use axum::routing::{get, post};

use crate::state::ApiState;

/// The routes of this protocol.
pub(crate) fn routes() -> Router<ApiState> {
    ["", "/v1"]
        .into_iter()
        .fold(Router::new(), |routes, prefix| {
            routes
                .route(&format!("{prefix}/chat/completions"), post(chat::complete))
                .route(&format!("{prefix}/models"), get(models::list))
                .route(&format!("{prefix}/models/{{id}}"), get(models::one))
        })
}
