//! The router, with the layers that every request passes.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::{DESCRIPTIONS, ROUTES};
use crate::body::unread;
use crate::edge::{host_header, request_id};
use crate::error::{ApiError, limit_count};
use crate::gate::authenticate::{self, Gate};
use crate::gate::cors;
use crate::gate::need::{Need, Needs, RouteNeed, UNSERVED};
use crate::openapi::document::{self, DocumentError, DocumentedRoute};
use crate::state::ApiState;

/// The whole HTTP surface. A request passes the layers from the last to the first: it gets its id,
/// its `Host` is checked, a browser's preflight request is answered, and the gate lets it in.
///
/// # Errors
/// A route of the table is not described, or a description has no route.
pub(crate) fn router(state: ApiState) -> Result<Router, DocumentError> {
    state.set_document(openapi_document()?);
    let guard = from_fn_with_state(Gate::new(state.clone(), needs()), authenticate::guard);
    let count = from_fn_with_state(state.services().metrics.clone(), limit_count::count);
    let routes = with_fallbacks(routes()).layer(guard).layer(count);
    let routes = match cors::layer(&state.settings().cors_origins) {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    let routes = routes
        .layer(from_fn(host_header::require))
        .layer(from_fn(unread::close))
        .layer(from_fn(request_id::tag));
    Ok(routes.with_state(state))
}

fn routes() -> Router<ApiState> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        route.paths().fold(router, |router, (_, path)| {
            router.route(path, (route.handler)(route.method.filter()))
        })
    })
}

fn needs() -> Needs {
    let needs = ROUTES.iter().flat_map(|route| {
        route.paths().map(move |(_, path)| RouteNeed {
            method: route.method.as_str(),
            path,
            need: route.need,
        })
    });
    Needs::new(needs.collect())
}

/// The OpenAPI document of the table.
pub(super) fn openapi_document() -> Result<Vec<u8>, DocumentError> {
    let routes = ROUTES.iter().flat_map(|route| {
        route.paths().map(move |(id, path)| DocumentedRoute {
            operation: route.operation,
            id,
            method: route.method.as_str(),
            path,
            needs_key: route.need != Need::Nothing,
        })
    });
    document::assemble(&routes.collect::<Vec<_>>(), &DESCRIPTIONS)
}

/// Answers with OpenAI's error object where no handler does.
fn with_fallbacks<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        // Not a pipeline: OpenAI's paths that are not served.
        .route(UNSERVED, any(unknown_path))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
}

async fn unknown_path(request: Request) -> ApiError {
    ApiError::unknown_path(request.method(), request.uri().path())
}

/// axum adds the header that lists the allowed methods.
async fn unknown_method(request: Request) -> Response {
    match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        ref method => ApiError::unknown_method(method, request.uri().path()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header::ALLOW;
    use axum::routing::{get, post};
    use tower_service::Service;

    use super::*;

    async fn send(method: &str, path: &str, id: &str) -> (u16, Response) {
        let routes = Router::new()
            .route("/here", post(async || "hi"))
            .route("/there", get(async || "ho"));
        let mut routes: Router = with_fallbacks(routes).layer(from_fn(request_id::tag));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(request_id::REQUEST_ID, id)
            .body(Body::empty());
        let response = routes.call(request.unwrap()).await.unwrap();
        (response.status().as_u16(), response)
    }

    #[test]
    fn the_routes_make_a_router() {
        // axum panics if two routes take the same method of the same path.
        let _ = routes();
    }

    #[tokio::test]
    async fn every_response_has_an_id_and_every_refusal_a_message() {
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
            let (status, response) = send(method, path, "mine").await;
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
    async fn an_invalid_request_id_is_replaced_by_the_id_of_the_run() {
        let (_, response) = send("GET", "/there", "two words").await;
        assert_eq!(response.headers()[request_id::REQUEST_ID].len(), 32);
    }
}
