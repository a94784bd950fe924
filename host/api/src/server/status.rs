//! `/status`: every pipeline, and the upstreams.

use axum::extract::{Extension, State};
use axum::response::Response;
use hayrick_services::llm::router::UpstreamStatus;
use hayrick_types::pipeline::{PipelineState, PipelineStatus};
use serde::Serialize;

use crate::error::ApiError;
use crate::gate::access::Access;
use crate::state::ApiState;
use crate::wire::json;
use crate::wire::params::PathParams;

/// What Hayhooks says of a server that answers.
const UP: &str = "Up!";

/// The body of `/status`.
#[derive(Serialize)]
struct ServerStatus {
    status: &'static str,
    version: &'static str,
    ready: bool,
    draining: bool,
    counts: Counts,
    /// The names of those that serve, as Hayhooks' own tools read them.
    pipelines: Vec<String>,
    /// Everything about each, whether it serves or not.
    deployments: Vec<PipelineStatus>,
    upstreams: Vec<UpstreamStatus>,
    /// `None` if the store cannot be read: then `/health/ready` says so.
    waiting_jobs: Option<Vec<WaitingJobs>>,
}

/// The body of `/status/{name}`: that of Hayhooks, and everything about the pipeline.
#[derive(Serialize)]
struct OneStatus {
    status: &'static str,
    pipeline: String,
    #[serde(flatten)]
    deployment: PipelineStatus,
}

/// Jobs of a pipeline that cannot run them now.
#[derive(Serialize)]
struct WaitingJobs {
    pipeline: String,
    jobs: u64,
    reason: String,
}

/// How many pipelines are in each state, and their runs.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Counts {
    loading: usize,
    ready: usize,
    failed: usize,
    active_runs: usize,
    total_runs: u64,
    failed_runs: u64,
}

/// `GET /status`: the pipelines that the key may use, and their jobs that cannot run. Only a key for
/// all pipelines sees the upstreams.
pub(crate) async fn list(
    State(state): State<ApiState>,
    Extension(access): Extension<Access>,
) -> Response {
    let mut pipelines = state.runtime().pipelines();
    pipelines.retain(|pipeline| access.may_use(&pipeline.name));
    let upstreams = if access.pipelines().is_none() {
        state.services().llm.status()
    } else {
        Vec::new()
    };
    let body = ServerStatus {
        status: UP,
        version: env!("CARGO_PKG_VERSION"),
        ready: state.runtime().is_ready(),
        draining: state.is_draining(),
        counts: count(&pipelines),
        pipelines: pipelines
            .iter()
            .filter(|pipeline| pipeline.state == PipelineState::Ready)
            .map(|pipeline| pipeline.name.clone())
            .collect(),
        deployments: pipelines,
        upstreams,
        waiting_jobs: waiting_jobs(&state, &access).await,
    };
    json::ok(&body)
}

async fn waiting_jobs(state: &ApiState, access: &Access) -> Option<Vec<WaitingJobs>> {
    let pending = state.services().jobs.pending().await.ok()?;
    let seen = pending
        .into_iter()
        .filter(|(pipeline, _)| access.may_use(pipeline));
    let waiting = seen.filter_map(|(pipeline, jobs)| {
        let reason = state.obstacle_to_jobs(&pipeline)?;
        Some(WaitingJobs {
            pipeline,
            jobs,
            reason,
        })
    });
    Some(waiting.collect())
}

/// `GET /status/{name}`.
pub(crate) async fn one(
    State(state): State<ApiState>,
    PathParams(name): PathParams<String>,
) -> Result<Response, ApiError> {
    let pipeline = state
        .runtime()
        .pipeline(&name)
        .ok_or_else(|| ApiError::unknown_pipeline(&name, "GET /status"))?;
    Ok(json::ok(&OneStatus {
        status: UP,
        pipeline: name,
        deployment: pipeline,
    }))
}

fn count(pipelines: &[PipelineStatus]) -> Counts {
    let mut counts = Counts::default();
    for pipeline in pipelines {
        match pipeline.state {
            PipelineState::Loading => counts.loading += 1,
            PipelineState::Ready => counts.ready += 1,
            PipelineState::Failed => counts.failed += 1,
        }
        counts.active_runs += pipeline.active_runs;
        counts.total_runs += pipeline.total_runs;
        counts.failed_runs += pipeline.failed_runs;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_and_runs_are_counted() {
        let states = [
            PipelineState::Ready,
            PipelineState::Failed,
            PipelineState::Ready,
        ];
        let pipelines = states.map(|state| PipelineStatus {
            name: "x".to_owned(),
            state,
            version: None,
            last_error: None,
            active_runs: 1,
            total_runs: 10,
            failed_runs: 2,
        });
        let expected = Counts {
            loading: 0,
            ready: 2,
            failed: 1,
            active_runs: 3,
            total_runs: 30,
            failed_runs: 6,
        };
        assert_eq!(count(&pipelines), expected);
    }
}
