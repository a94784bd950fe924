//! Every route there is. The only file that names every protocol.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::ApiError;
use crate::state::ApiState;
use crate::{files, health, jobs, limit_count, metrics, openai, pipelines, request_id, tasks};

/// The whole HTTP surface.
pub fn router(state: ApiState) -> Router {
    let routes = Router::new()
        .merge(openai::routes())
        .merge(files::routes())
        .merge(jobs::routes())
        .merge(tasks::routes())
        .route("/status", get(pipelines::list))
        .route("/status/{name}", get(pipelines::one))
        .route("/metrics", get(metrics::all))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready));
    finish(routes.layer(from_fn_with_state(state.clone(), limit_count::count))).with_state(state)
}

/// Adds what every route has: an id on each answer, and OpenAI's error object where there is no handler.
fn finish<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes.fallback(unknown_route).method_not_allowed_fallback(other_method).layer(from_fn(request_id::tag))
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
    use axum::body::Body;
    use axum::http::header::ALLOW;
    use axum::routing::post;
    use tower_service::Service;

    use super::*;

    async fn ask(method: &str, path: &str, id: &str) -> (u16, Response) {
        let mut routes: Router = finish(Router::new().route("/here", post(async || "hi")).route("/there", get(async || "ho")));
        let request = Request::builder().method(method).uri(path).header(request_id::REQUEST_ID, id).body(Body::empty());
        let response = routes.call(request.unwrap()).await.unwrap();
        (response.status().as_u16(), response)
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
            assert_eq!(response.headers()[request_id::REQUEST_ID], "mine", "{method} {path}");
            assert_eq!(response.headers().get(ALLOW).map(|value| value.to_str().unwrap()), allowed, "{method} {path}");
            let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
            let message = serde_json::from_slice::<serde_json::Value>(&body).ok().and_then(|body| body.pointer("/error/message").cloned());
            assert_eq!(message.is_some(), expected >= 400, "{method} {path}: {body:?}");
        }
    }

    #[tokio::test]
    async fn an_id_that_is_none_is_replaced_by_the_run_s() {
        let (_, response) = ask("GET", "/there", "two words").await;
        assert_eq!(response.headers()[request_id::REQUEST_ID].len(), 32);
    }
}
