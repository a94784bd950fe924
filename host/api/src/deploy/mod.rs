//! `POST /deploy/{name}` and `POST /undeploy/{name}`: the folder of plugins, for those who cannot
//! copy a file into it.
//!
//! Whoever may call these may run code here, within the sandbox: a key of theirs has the scope
//! `deploy`.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use futures_util::StreamExt;
use hayrick_runtime::deploy::Arriving;
use hayrick_services::audit::{Action, AuditRecord};
use hayrick_types::pipeline::PipelineStatus;
use serde_json::json;

use crate::access::Access;
use crate::error::ApiError;
use crate::json;
use crate::pace::Pace;
use crate::request_id::REQUEST_ID;
use crate::state::ApiState;

/// The routes of this protocol.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/deploy/{name}", post(deploy))
        .route("/undeploy/{name}", post(undeploy))
}

type Name = Result<Path<String>, PathRejection>;

/// The body is the component. The answer comes once it serves and is in the audit log; a client
/// that hangs up before has changed nothing.
async fn deploy(
    State(state): State<ApiState>,
    Extension(access): Extension<Access>,
    name: Name,
    request: Request,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::no_text())?;
    let headers = request.headers().clone();
    let deployed = put(&state, &name, request).await;
    let (action, outcome) = match &deployed {
        Ok(_) => (Action::Deploy, "ok"),
        Err(error) => (Action::DeployRefused, error.message()),
    };
    record(&state, &access, &headers, action, &name, outcome).await?;
    Ok(json::answer(StatusCode::OK, &deployed?))
}

async fn put(state: &ApiState, name: &str, request: Request) -> Result<PipelineStatus, ApiError> {
    let arriving = state.runtime().begin_deploy(name).await?;
    let arrived = receive(state, arriving, request).await?;
    Ok(state.runtime().deploy(arrived).await?)
}

async fn receive(
    state: &ApiState,
    mut arriving: Arriving,
    request: Request,
) -> Result<Arriving, ApiError> {
    let mut pace = Pace::new(
        state.config().upload_stall_timeout,
        state.config().body_rate_min,
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
                ApiError::invalid(format!("the component broke off: {error}"), None)
            })?)
            .await?;
    }
    Ok(arriving)
}

async fn undeploy(
    State(state): State<ApiState>,
    Extension(access): Extension<Access>,
    name: Name,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::no_text())?;
    if !state.runtime().undeploy(&name).await? {
        return Err(ApiError::no_pipeline(&name, "GET /status"));
    }
    record(&state, &access, &headers, Action::Undeploy, &name, "ok").await?;
    Ok(json::answer(
        StatusCode::OK,
        &json!({"name": name, "undeployed": true}),
    ))
}

/// Writes the audit log. A change that cannot be recorded is not acknowledged as a good one.
async fn record(
    state: &ApiState,
    access: &Access,
    headers: &HeaderMap,
    action: Action,
    name: &str,
    outcome: &str,
) -> Result<(), ApiError> {
    let request = headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let (actor, subject, outcome) = (
        access.actor().to_owned(),
        name.to_owned(),
        outcome.to_owned(),
    );
    let recorded = state
        .services()
        .audit
        .record(AuditRecord {
            actor,
            action,
            subject,
            outcome,
            request,
        })
        .await;
    recorded.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be written");
        ApiError::unrecorded()
    })
}
