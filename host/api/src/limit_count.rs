//! Counts the limits that clients reach before there is a run: whoever refuses a request names the
//! limit in its answer.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::ApiState;
use crate::uncounted::Uncounted;

/// Counts it.
pub(crate) async fn count(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(Uncounted(limit)) = response.extensions().get() {
        state.services().metrics.reached(*limit);
    }
    response
}
