//! `GET /state` and `DELETE /{pipeline}/state`: what pipelines keep between runs, for operators.

use axum::extract::State;
use axum::response::Response;
use hayrick_services::audit::Action;
use hayrick_types::state::StateUse;
use serde::Serialize;
use serde_json::json;

use crate::error::ApiError;
use crate::gate::auditor::Auditor;
use crate::state::ApiState;
use crate::wire::json;
use crate::wire::params::PathParams;
use crate::wire::times::seconds;

/// What the state of one pipeline uses.
#[derive(Serialize)]
struct StateView {
    pipeline: String,
    keys: u64,
    bytes: u64,
    /// When the pipeline was removed.
    removed_at: Option<f64>,
    /// When its state is deleted, unless it comes back.
    deleted_at: Option<f64>,
}

/// Lists the pipelines that have state.
pub(crate) async fn list(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let service = &state.services().state;
    let view = |usage: StateUse| StateView {
        pipeline: usage.pipeline,
        keys: usage.keys,
        bytes: usage.bytes,
        removed_at: usage.removed_at.map(seconds),
        deleted_at: usage.removed_at.map(|at| seconds(service.kept_until(at))),
    };
    let data: Vec<StateView> = service.uses().await?.into_iter().map(view).collect();
    Ok(json::ok(&json!({"object": "list", "data": data})))
}

/// Deletes the state of a pipeline that was removed.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    auditor: Auditor,
    PathParams(pipeline): PathParams<String>,
) -> Result<Response, ApiError> {
    if state.runtime().pipeline(&pipeline).is_some() {
        return Err(ApiError::conflict(format!(
            "the pipeline '{pipeline}' is deployed, and may be using its state: undeploy it first"
        )));
    }
    let deleted = state.services().state.delete_all(&pipeline).await?;
    if deleted == 0 {
        return Err(ApiError::not_found(format!(
            "the pipeline '{pipeline}' has no state: GET /state lists those that have"
        )));
    }
    auditor.record(Action::StateDelete, &pipeline, "ok").await?;
    Ok(json::ok(&json!({"deleted": deleted})))
}
