//! Sends one chunk of 2 MiB.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say("x".repeat(2 << 20)).await
}

sdk::serve!(chat: chat);
