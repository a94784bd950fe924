//! Tries to exit the process.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say("first").await?;
    std::process::exit(0)
}

sdk::serve!(chat: chat);
