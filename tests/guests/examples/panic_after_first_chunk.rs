//! Sends one chunk and panics.

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    send_text("first").await?;
    panic!("this guest panics after its first chunk")
}

guests::serve!(chat);
