//! Says what the operator wrote for it: `get:KEY`, or every key.

use sdk::hayrick::pipeline::config;
use sdk::{ChatRequest, Outcome, question, say};

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let said = match text.strip_prefix("get:") {
        Some(key) => config::get(key).unwrap_or_else(|| "none".to_owned()),
        None => config::keys().join(" "),
    };
    say(said).await
}

sdk::serve!(chat: chat);
