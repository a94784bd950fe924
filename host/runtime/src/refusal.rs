//! Reports why a file was not deployed, in `/status`, the log and the metrics.

use hayrick_types::clock::since_epoch;
use hayrick_types::pipeline::{PipelineState, PipelineStatus, Refusal};

use crate::error::DeployError;
use crate::pipeline::Pipeline;

/// The status of a file whose name is not a valid pipeline name.
pub(crate) fn misnamed_status(name: &str, refusal: &Refusal) -> PipelineStatus {
    PipelineStatus {
        name: name.to_owned(),
        state: PipelineState::Failed,
        version: None,
        last_error: Some(refusal.clone()),
        active_runs: 0,
        total_runs: 0,
        failed_runs: 0,
    }
}

/// The record of a refused file.
pub(crate) fn refusal(digest: String, error: &DeployError) -> Refusal {
    Refusal {
        digest,
        at: since_epoch().as_secs(),
        reason: error.to_string(),
    }
}

/// Counts and logs a refused file. The previous version keeps serving.
pub(crate) fn refuse(pipeline: &Pipeline, digest: String, error: &DeployError) {
    let (serving, metrics) = (
        pipeline.version().map(|version| version.status.number),
        pipeline.share(),
    );
    metrics.metrics().refused_deploy();
    if let Some(limit) = error.limit() {
        metrics.metrics().reached(limit);
    }
    tracing::error!(
        pipeline = pipeline.name().as_str(),
        serving,
        "not deployed: {error}"
    );
    pipeline.refuse(refusal(digest, error));
}
