//! Makes the request in the last user message through `wasi:http`: `METHOD URL`, then headers, an
//! empty line and the body.

use sdk::hayrick::pipeline::types::{Failure, FailureKind};
use sdk::{ChatRequest, Outcome, failure, invalid_input, question, say};
use serde_json::{Value, json};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    Scheme,
};
use wasip2::io::streams::StreamError;

/// The most that WASI lets a stream take at a time.
const WRITE_BYTES_MAX: usize = 4096;

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let (method, url) = lines
        .next()
        .and_then(|line| line.split_once(' '))
        .ok_or_else(|| invalid_input("write METHOD URL"))?;
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    say(send(method, url, &headers, body)?.to_string()).await
}

/// A failure with the name of the error, which the tests look for.
fn failed(what: &str, error: impl std::fmt::Debug) -> Failure {
    failure(FailureKind::Failed, format!("{what}: {error:?}"))
}

fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Value, Failure> {
    let fields = Fields::new();
    for (name, value) in headers {
        fields
            .append(name, value.as_bytes())
            .map_err(|error| failed("header", error))?;
    }
    let request = OutgoingRequest::new(fields);
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| invalid_input("write a URL"))?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    request
        .set_method(&method)
        .map_err(|()| failed("method", "refused"))?;
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request
        .set_scheme(Some(&scheme))
        .map_err(|()| failed("scheme", "refused"))?;
    request
        .set_authority(Some(authority))
        .map_err(|()| failed("authority", "refused"))?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| failed("path", "refused"))?;
    let outgoing = request.body().map_err(|()| failed("body", "refused"))?;
    let future =
        outgoing_handler::handle(request, None).map_err(|error| failed("handle", error))?;
    write(outgoing, body.as_bytes())?;
    future.subscribe().block();
    let response = future
        .get()
        .and_then(Result::ok)
        .ok_or_else(|| failed("future", "not ready"))?;
    shown(&response.map_err(|error| failed("answer", error))?)
}

fn write(outgoing: OutgoingBody, body: &[u8]) -> Result<(), Failure> {
    let stream = outgoing.write().map_err(|()| failed("stream", "refused"))?;
    for piece in body.chunks(WRITE_BYTES_MAX) {
        stream
            .blocking_write_and_flush(piece)
            .map_err(|error| failed("write", error))?;
    }
    drop(stream);
    OutgoingBody::finish(outgoing, None).map_err(|error: ErrorCode| failed("finish", error))
}

fn shown(response: &IncomingResponse) -> Result<Value, Failure> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let headers: Vec<(String, String)> = response
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    let incoming: IncomingBody = response.consume().map_err(|()| failed("body", "gone"))?;
    let stream = incoming.stream().map_err(|()| failed("body", "gone"))?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => body.extend(piece),
            Err(StreamError::Closed) => break,
            // wasmtime 48 has no code for an error in a body, only a message.
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(failed("read", error.to_debug_string()));
            }
        }
    }
    Ok(json!({ "status": response.status(), "headers": headers, "body": text(body) }))
}

sdk::serve!(chat: chat);
