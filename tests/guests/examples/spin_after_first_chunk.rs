//! Sends one chunk, then computes forever.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say("first").await?;
    loop {
        black_box(());
    }
}

sdk::serve!(chat: chat);
