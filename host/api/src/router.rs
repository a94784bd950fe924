//! Every route there is. The only file that names every protocol.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::ApiError;
use crate::state::ApiState;
use crate::{
    authenticate, cors, deploy, files, health, jobs, limit_count, metrics, openai, openapi,
    pipelines, request_id, tasks, unread,
};

/// The whole HTTP surface. A request passes from the last layer to the first: it gets its id, a
/// browser's question is answered, and then it has to show who it is.
pub fn router(state: ApiState) -> Router {
    let guard = from_fn_with_state(state.clone(), authenticate::guard);
    let count = from_fn_with_state(state.clone(), limit_count::count);
    let routes = answers(routes()).layer(count).layer(guard);
    let routes = match cors::layer(&state.config().cors_origins) {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes
        .layer(from_fn(unread::close))
        .layer(from_fn(request_id::tag))
        .with_state(state)
}

/// Every route, each described in `openapi/document.json`.
fn routes() -> Router<ApiState> {
    Router::new()
        .merge(openai::routes())
        .merge(files::routes())
        .merge(deploy::routes())
        .merge(jobs::routes())
        .merge(tasks::routes())
        .merge(openapi::routes())
        .route("/status", get(pipelines::list))
        .route("/status/{name}", get(pipelines::one))
        .route("/metrics", get(metrics::all))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
}

/// Adds OpenAI's error object where there is no handler.
fn answers<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .fallback(unknown_route)
        .method_not_allowed_fallback(other_method)
}

async fn unknown_route(request: Request) -> ApiError {
    ApiError::no_route(request.method(), request.uri().path())
}

/// axum adds the header that lists the methods there are.
async fn other_method(request: Request) -> Response {
    match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        ref method => ApiError::no_method(method, request.uri().path()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use axum::body::Body;
    use axum::http::header::ALLOW;
    use axum::routing::post;
    use tower_service::Service;

    use super::*;
    use crate::scopes;

    async fn ask(method: &str, path: &str, id: &str) -> (u16, Response) {
        let routes = Router::new()
            .route("/here", post(async || "hi"))
            .route("/there", get(async || "ho"));
        let mut routes: Router = answers(routes).layer(from_fn(request_id::tag));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(request_id::REQUEST_ID, id)
            .body(Body::empty());
        let response = routes.call(request.unwrap()).await.unwrap();
        (response.status().as_u16(), response)
    }

    /// axum has no list of its routes but in what it prints of them; a version that prints
    /// otherwise fails the test.
    fn paths(routes: &Router<ApiState>) -> BTreeSet<String> {
        let printed = format!("{routes:?}");
        let (_, paths) = printed.split_once("node: Node { paths: {").unwrap();
        let (paths, _) = paths.split_once("} }").unwrap();
        paths
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("openapi/document.json")).unwrap();
        let described: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(
            paths(&routes()),
            described,
            "routes on the left, openapi/document.json on the right"
        );
    }

    #[tokio::test]
    async fn every_answer_has_an_id_and_every_refusal_a_reason() {
        let cases = [
            ("POST", "/here", 200, None),
            ("HEAD", "/there", 200, None),
            ("GET", "/here", 405, Some("POST")),
            ("OPTIONS", "/here", 204, Some("POST")),
            ("DELETE", "/there", 405, Some("GET,HEAD")),
            ("GET", "/nowhere", 404, None),
            ("OPTIONS", "*", 404, None),
        ];
        for (method, path, expected, allowed) in cases {
            let (status, response) = ask(method, path, "mine").await;
            assert_eq!(status, expected, "{method} {path}");
            assert_eq!(
                response.headers()[request_id::REQUEST_ID],
                "mine",
                "{method} {path}"
            );
            assert_eq!(
                response
                    .headers()
                    .get(ALLOW)
                    .map(|value| value.to_str().unwrap()),
                allowed,
                "{method} {path}"
            );
            let body = axum::body::to_bytes(response.into_body(), 1 << 20)
                .await
                .unwrap();
            let message = serde_json::from_slice::<serde_json::Value>(&body)
                .ok()
                .and_then(|body| body.pointer("/error/message").cloned());
            assert_eq!(
                message.is_some(),
                expected >= 400,
                "{method} {path}: {body:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_invalid_request_id_is_replaced_by_the_run_id() {
        let (_, response) = ask("GET", "/there", "two words").await;
        assert_eq!(response.headers()[request_id::REQUEST_ID].len(), 32);
    }

    /// Methods and path of every route there is, read off what the router says of itself.
    fn known() -> Vec<(String, String)> {
        let shown = format!("{:?}", routes());
        let (shown, _) = shown.split_once("fallback_router").unwrap();
        let (mut methods, mut paths) = (BTreeMap::new(), BTreeMap::new());
        for piece in shown.split("RouteId(").skip(1) {
            let (number, rest) = piece.split_once("): ").unwrap_or_default();
            let quoted = |text: &str| text.split('"').nth(1).map(str::to_owned);
            if rest.starts_with("MethodRouter") {
                methods.insert(
                    number,
                    rest.split_once("allow_header: ")
                        .and_then(|(_, rest)| quoted(rest))
                        .unwrap_or_default(),
                );
            } else if rest.starts_with('"') {
                paths.insert(number, quoted(rest).unwrap());
            }
        }
        assert!(
            paths.len() > 15 && paths.keys().eq(methods.keys()),
            "the router is read wrongly: {shown}"
        );
        paths
            .into_iter()
            .map(|(number, path)| (methods[number].clone(), path))
            .collect()
    }

    #[test]
    fn every_route_is_in_the_table_of_scopes() {
        for (methods, path) in known() {
            for method in methods.split(',').filter(|method| *method != "HEAD") {
                assert!(
                    scopes::knows(method, &path),
                    "{method} {path} is not in the table of scopes.rs: say there what it needs"
                );
            }
        }
    }
}
