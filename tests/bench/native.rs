//! The baseline: an axum handler that parses the same request and writes the same answer, without a
//! sandbox.

use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use futures_util::stream;
use serde_json::{Value, json};

/// The argument that runs this program as that server.
pub const ARGUMENT: &str = "native-server";

/// Serves until it is killed.
pub async fn serve() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!(
        "The native handler is listening on http://{}",
        listener.local_addr().unwrap()
    );
    let router = Router::new().route("/v1/chat/completions", post(chat));
    // As Hayrick does: otherwise the second frame of a stream waits for the client's delayed
    // acknowledgement, 40 ms.
    let listener = listener.tap_io(|socket| socket.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn chat(body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let text = request
        .pointer("/messages/0/content")
        .and_then(Value::as_str)
        .and_then(|text| text.strip_prefix("echo:"));
    let (Some(text), Some(model)) = (text, request.get("model")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let created = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    if request.get("stream") == Some(&Value::Bool(true)) {
        streamed(text, model, created)
    } else {
        whole(text, model, created)
    }
}

fn whole(text: &str, model: &Value, created: u64) -> Response {
    let message = json!({"role": "assistant", "content": text});
    let answer = json!({
        "id": "chatcmpl-0123456789abcdef", "object": "chat.completion", "created": created, "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": null}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    });
    ([("content-type", "application/json")], answer.to_string()).into_response()
}

fn streamed(text: &str, model: &Value, created: u64) -> Response {
    let frame = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let id = "chatcmpl-0123456789abcdef";
        let frame = json!({"id": id, "object": "chat.completion.chunk", "created": created, "model": model, "choices": [choice]});
        format!("data: {frame}\n\n")
    };
    let mut frames = vec![frame(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    frames.extend(
        text.split_inclusive(' ')
            .map(|word| frame(json!({"content": word}), Value::Null)),
    );
    frames.extend([
        frame(json!({}), json!("stop")),
        "data: [DONE]\n\n".to_owned(),
    ]);
    let body = Body::from_stream(stream::iter(
        frames
            .into_iter()
            .map(|frame| Ok::<_, Infallible>(Bytes::from(frame))),
    ));
    ([("content-type", "text/event-stream")], body).into_response()
}
