//! New connections while the server drains: probes learn that it drains, and other clients that they
//! should come back. Closing the listening socket would look like a crash.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower_service::Service;

use crate::wire::json;

/// Connections at a time; more wait in the operating system's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long one may take.
const TIME_MAX: Duration = Duration::from_secs(2);
/// The path of the probes, which are answered as ever.
const PROBES: &str = "/health/";
/// When a client should come back.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Answers every new connection once. Never returns.
pub(crate) async fn turn_away(listener: &TcpListener, routes: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(answer(socket, routes.clone()));
                }
                Err(_) => sleep(TIME_MAX).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(socket: TcpStream, routes: Router) {
    let service = service_fn(move |request: Request<Incoming>| {
        let is_probe = request.uri().path().starts_with(PROBES);
        let answered = is_probe.then(|| routes.clone().call(request));
        async move {
            match answered {
                Some(response) => response.await,
                None => Ok::<_, Infallible>(come_back()),
            }
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(TIME_MAX)
        .keep_alive(false);
    // Whoever is too slow learns nothing, as with a closed socket.
    let _ = tokio::time::timeout(
        TIME_MAX,
        http.serve_connection(TokioIo::new(socket), service),
    )
    .await;
}

fn come_back() -> Response {
    let body = json!({"error": {
        "message": "the server is stopping: try again in a few seconds",
        "type": "server_error", "param": null, "code": "draining"
    }});
    let mut response = json::response(StatusCode::SERVICE_UNAVAILABLE, &body);
    response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}
