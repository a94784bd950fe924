//! Sends one chunk of 2 MiB.

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    send_text("x".repeat(2 << 20)).await
}

guests::serve!(chat);
