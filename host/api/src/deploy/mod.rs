//! `POST /deploy/{name}` and `POST /undeploy/{name}`: the folder of plugins, for those who cannot copy a file into it.
//!
//! Whoever may call these may run code here, within the sandbox. Until clients can prove who they are, only those on this machine may.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use host_runtime::deploy::Arriving;
use serde_json::json;

use crate::error::ApiError;
use crate::json;
use crate::state::ApiState;

/// The routes of this protocol.
pub(crate) fn routes(state: &ApiState) -> Router<ApiState> {
    let routes = Router::new().route("/deploy/{name}", post(deploy)).route("/undeploy/{name}", post(undeploy));
    routes.route_layer(from_fn_with_state(state.clone(), guard))
}

/// Who may deploy at all.
async fn guard(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    match check(state.config().deploys_open, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

fn check(is_open: bool, headers: &HeaderMap) -> Result<(), ApiError> {
    if !is_open {
        let cure = "copy the file into the plugins folder, or serve on 127.0.0.1";
        return Err(ApiError::forbidden(format!("other machines reach this server, so it takes no deploys over HTTP: {cure}")));
    }
    // Every browser says which page a POST comes from, and no page of ours sends one: it is somebody else's, open on this machine.
    if headers.contains_key(ORIGIN) {
        return Err(ApiError::forbidden("web pages may not deploy: use `hayrick deploy` or a client that sends no header 'origin'"));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn neither_other_machines_nor_web_pages_may_deploy() {
        let none = HeaderMap::new();
        let mut of_page = HeaderMap::new();
        of_page.insert(ORIGIN, HeaderValue::from_static("null"));
        assert!(check(true, &none).is_ok());
        for (is_open, headers) in [(false, &none), (true, &of_page), (false, &of_page)] {
            assert_eq!(check(is_open, headers).unwrap_err().status(), StatusCode::FORBIDDEN);
        }
    }
}
