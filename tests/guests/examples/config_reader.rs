//! Sends the configuration the operator wrote for it: `get:KEY`, or all keys.

use sdk::hayrick::pipeline::config;
use sdk::{ChatRequest, Outcome, question, say};

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let answer = match text.strip_prefix("get:") {
        Some(key) => config::get(key).unwrap_or_else(|| "none".to_owned()),
        None => config::keys().join(" "),
    };
    say(answer).await
}

sdk::serve!(chat: chat);
