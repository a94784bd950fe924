//! Sends a million chunks of one byte.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    for _ in 0..1_000_000 {
        say("x").await?;
    }
    Ok(())
}

sdk::serve!(chat: chat);
