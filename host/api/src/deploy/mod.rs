//! `POST /deploy/{name}` and `POST /undeploy/{name}`: change the plugins folder over HTTP.
//!
//! A client that may call these may run code here, within the sandbox: its key needs the scope
//! `deploy`.

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use hayrick_runtime::deploy::Arriving;
use hayrick_services::audit::Action;
use hayrick_types::limit_name::LimitName;
use hayrick_types::pipeline::PipelineStatus;
use serde_json::json;

use crate::body::encoding;
use crate::body::pace::Pace;
use crate::error::ApiError;
use crate::gate::auditor::Auditor;
use crate::state::ApiState;
use crate::wire::json;
use crate::wire::params::PathParams;

/// Deploys the component in the body. The response comes once it serves and is in the audit log; a
/// client that hangs up before has changed nothing.
pub(crate) async fn deploy(
    State(state): State<ApiState>,
    auditor: Auditor,
    PathParams(name): PathParams<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let deployed = put(&state, auditor.actor(), &name, request).await;
    let (action, outcome) = match &deployed {
        Ok(_) => (Action::Deploy, "ok"),
        Err(error) => (Action::DeployRefused, error.message()),
    };
    auditor.record(action, &name, outcome).await?;
    Ok(json::ok(&deployed?))
}

async fn put(
    state: &ApiState,
    client: &str,
    name: &str,
    request: Request,
) -> Result<PipelineStatus, ApiError> {
    encoding::check_plain(request.headers())?;
    let arriving = state.runtime().begin_deploy(name, client).await?;
    let time_max = state.settings().deploy_time_max;
    let arrived = tokio::time::timeout(time_max, receive(state, arriving, request))
        .await
        .unwrap_or_else(|_| {
            let text = format!(
                "the component did not arrive within {time_max:?} (deploy_time_max): send it faster"
            );
            Err(ApiError::too_slow(text).limit(LimitName::DeployTimeMax))
        })?;
    Ok(state.runtime().deploy(arrived).await?)
}

async fn receive(
    state: &ApiState,
    mut arriving: Arriving,
    request: Request,
) -> Result<Arriving, ApiError> {
    let mut pace = Pace::new(
        state.settings().upload_stall_timeout,
        LimitName::UploadStallTimeout,
        state.settings().body_rate_min,
    );
    let mut pieces = request.into_body().into_data_stream();
    while let Some(piece) = pace
        .next(pieces.next(), |piece| {
            piece
                .as_ref()
                .and_then(|piece| piece.as_ref().ok())
                .map_or(0, Bytes::len)
        })
        .await?
    {
        arriving
            .write(piece.map_err(|error| {
                ApiError::invalid(
                    format!("the upload of the component broke off: {error}"),
                    None,
                )
            })?)
            .await?;
    }
    Ok(arriving)
}

/// Removes a pipeline and its file.
pub(crate) async fn undeploy(
    State(state): State<ApiState>,
    auditor: Auditor,
    PathParams(name): PathParams<String>,
) -> Result<Response, ApiError> {
    if !state.runtime().undeploy(&name).await? {
        return Err(ApiError::unknown_pipeline(&name, "GET /status"));
    }
    auditor.record(Action::Undeploy, &name, "ok").await?;
    Ok(json::ok(
        &json!({"name": name, "undeployed": true, "success": true}),
    ))
}
