//! Recurses until its stack overflows.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say(depth(0).to_string()).await
}

/// The addition after the call keeps the compiler from turning the recursion into a loop.
fn depth(level: u64) -> u64 {
    if black_box(level) == u64::MAX {
        0
    } else {
        black_box(depth(level + 1)) + 1
    }
}

sdk::serve!(chat: chat);
