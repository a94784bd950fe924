//! `POST /deploy/{name}` and `POST /undeploy/{name}`: the folder of plugins, for those who cannot copy a file into it.
//!
//! Whoever may call these may run code here, within the sandbox: a key of theirs has the scope `deploy`.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use futures_util::StreamExt;
use host_runtime::deploy::Arriving;
use serde_json::json;

use crate::error::ApiError;
use crate::json;
use crate::state::ApiState;

/// The routes of this protocol.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/deploy/{name}", post(deploy)).route("/undeploy/{name}", post(undeploy))
}

/// The body is the component. The answer comes once it serves; a client that hangs up before has changed nothing.
async fn deploy(State(state): State<ApiState>, name: Result<Path<String>, PathRejection>, request: Request) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::no_text())?;
    let arriving = state.runtime().begin_deploy(&name).await?;
    let arrived = receive(&state, arriving, request).await?;
    let status = state.runtime().deploy(arrived).await?;
    Ok(json::answer(StatusCode::OK, &status))
}

async fn receive(state: &ApiState, mut arriving: Arriving, request: Request) -> Result<Arriving, ApiError> {
    let stall = state.config().upload_stall_timeout;
    let mut pieces = request.into_body().into_data_stream();
    loop {
        let piece = tokio::time::timeout(stall, pieces.next()).await;
        let piece =
            piece.map_err(|_| ApiError::too_slow(format!("nothing of the component came for {} ms: send it again", stall.as_millis())))?;
        let Some(piece) = piece else { return Ok(arriving) };
        arriving.write(piece.map_err(|error| ApiError::invalid(format!("the component broke off: {error}"), None))?).await?;
    }
}

async fn undeploy(State(state): State<ApiState>, name: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::no_text())?;
    if !state.runtime().undeploy(&name).await? {
        return Err(ApiError::no_pipeline(&name, "GET /status"));
    }
    Ok(json::answer(StatusCode::OK, &json!({"name": name, "undeployed": true})))
}
