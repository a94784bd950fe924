//! Makes the HTTP requests in the last user message, `verb:rest`, and sends the results as JSON.

use sdk::hayrick::pipeline::http::{self, Request};
use sdk::hayrick::pipeline::types::Failure;
use sdk::{ChatRequest, Outcome, get, invalid_input, question, read_to_end, say};
use serde::Deserialize;
use serde_json::{Value, json};

const USAGE: &str = "write get:URL, send:{\"method\": …, \"url\": …, \"headers\": [[…, …]], \
                     \"body\": …, \"timeout\": …}, hold:COUNT=URL or repeat:COUNT=URL";

/// A request, as tests write it.
#[derive(Deserialize)]
struct RequestFields {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    timeout: Option<u64>,
}

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let done = match text.split_once(':') {
        Some(("get", url)) => send(get(url)).await?,
        Some(("send", fields)) => send(parse(fields)?).await?,
        Some(("hold", rest)) => hold(rest).await?,
        Some(("repeat", rest)) => repeat(rest).await?,
        _ => return Err(usage()),
    };
    say(done.to_string()).await
}

fn usage() -> Failure {
    invalid_input(USAGE)
}

fn parse(fields: &str) -> Result<Request, Failure> {
    let RequestFields {
        method,
        url,
        headers,
        body,
        timeout,
    } = serde_json::from_str(fields).map_err(|error| invalid_input(error.to_string()))?;
    Ok(Request {
        method,
        url,
        headers,
        body: body.into(),
        timeout,
    })
}

async fn send(request: Request) -> Result<Value, Failure> {
    let response = http::send(request).await?;
    let body = read_to_end(&response).await?;
    Ok(
        json!({ "status": response.status(), "headers": response.headers(), "body": String::from_utf8_lossy(&body) }),
    )
}

/// Sends `count` requests and keeps the responses unread.
async fn hold(rest: &str) -> Result<Value, Failure> {
    let (count, url) = counted(rest)?;
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(http::send(get(url)).await?);
    }
    Ok(json!(held.len()))
}

/// Sends `count` requests, one at a time.
async fn repeat(rest: &str) -> Result<Value, Failure> {
    let (count, url) = counted(rest)?;
    for _ in 0..count {
        read_to_end(&http::send(get(url)).await?).await?;
    }
    Ok(json!(count))
}

fn counted(rest: &str) -> Result<(u32, &str), Failure> {
    let (count, url) = rest.split_once('=').ok_or_else(usage)?;
    Ok((count.parse().map_err(|_| usage())?, url))
}

sdk::serve!(chat: chat);
