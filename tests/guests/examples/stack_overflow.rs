//! Calls itself until its stack is full.

use std::hint::black_box;

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    send_text(depth(0).to_string()).await
}

/// The sum behind the call keeps the compiler from making a loop of it.
fn depth(level: u64) -> u64 {
    if black_box(level) == u64::MAX { 0 } else { black_box(depth(level + 1)) + 1 }
}

guests::serve!(chat);
