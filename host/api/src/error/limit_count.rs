//! Counts the limits that clients reach before there is a run: whoever refuses a request names the
//! limit in its answer.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hayrick_services::metrics::Metrics;
use hayrick_types::limit_name::LimitName;

/// Among an answer's extensions: a limit that it is due to and that nobody has counted yet. The
/// limits of runs are counted where runs end, since their pipeline is known there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uncounted(pub(crate) LimitName);

/// Counts it.
pub(crate) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if let Some(Uncounted(limit)) = response.extensions().get() {
        metrics.reached(*limit);
    }
    response
}
