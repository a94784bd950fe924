//! Sends one chunk, then computes and never ends.

use std::hint::black_box;

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    send_text("first").await?;
    loop {
        black_box(());
    }
}

guests::serve!(chat);
