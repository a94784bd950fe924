//! Counts the limits that clients reach before there is a run: whoever refuses a request names the limit in its answer.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use host_types::limit_name::LimitName;

use crate::state::ApiState;

/// The limit an answer is due to, if it is not counted yet. Those of runs are: their pipeline is known where they end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uncounted(pub(crate) LimitName);

/// Counts it.
pub(crate) async fn count(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(Uncounted(limit)) = response.extensions().get() {
        state.services().metrics.reached(*limit);
    }
    response
}
