//! Sends one chunk and panics.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say("first").await?;
    panic!("this guest panics after its first chunk")
}

sdk::serve!(chat: chat);
