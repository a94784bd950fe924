//! `/metrics`: the counters of the host, for Prometheus.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use hayrick_services::metrics::snapshot::{Snapshot, UpstreamNumbers};
use hayrick_types::job::JobCounts;

use crate::error::ApiError;
use crate::state::ApiState;

/// The format that Prometheus prefers.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// `GET /metrics`.
pub(crate) async fn all(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let services = state.services();
    let upstreams = services
        .llm
        .status()
        .into_iter()
        .map(|upstream| UpstreamNumbers {
            active: u64::try_from(upstream.active).unwrap_or(u64::MAX),
            waiting: u64::try_from(upstream.waiting).unwrap_or(u64::MAX),
            alias: upstream.alias,
            requests: upstream.requests,
            failures: upstream.failures,
        });
    let mut pipelines = state.runtime().pipelines();
    pipelines.extend(state.runtime().model_statuses());
    let snapshot = Snapshot {
        pipelines,
        jobs: jobs(&state).await?,
        upstreams: upstreams.collect(),
        body_bytes: state.held_bytes(),
        spool_bytes: services.spool.bytes(),
    };
    let mut response = Response::new(Body::from(services.metrics.text(snapshot)));
    response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
    Ok(response)
}

/// The number of jobs of each pipeline that runs jobs.
async fn jobs(state: &ApiState) -> Result<Vec<(String, JobCounts)>, ApiError> {
    let mut jobs = Vec::new();
    for pipeline in state.runtime().job_pipelines().into_keys() {
        let counts = state.services().jobs.counts(&pipeline).await?;
        jobs.push((pipeline, counts));
    }
    Ok(jobs)
}
