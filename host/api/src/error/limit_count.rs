//! Counts the limits that clients reach before a run starts: the refusal carries the limit.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hayrick_services::metrics::Metrics;
use hayrick_types::limit_name::LimitName;

/// A limit that caused a refusal, among the extensions of the response. The limits of runs are
/// counted where runs end, because their pipeline is known there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReachedLimit(pub(crate) LimitName);

/// Counts the limit that a response carries.
pub(crate) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if let Some(ReachedLimit(limit)) = response.extensions().get() {
        metrics.reached(*limit);
    }
    response
}
