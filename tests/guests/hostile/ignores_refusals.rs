//! Keeps sending, whatever `send` returns.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    let text = "x".repeat(60 << 10);
    loop {
        let _ = say(text.clone()).await;
    }
}

sdk::serve!(chat: chat);
