//! Logs one line of 100 KiB and 5000 short ones.

use sdk::hayrick::pipeline::log;
use sdk::hayrick::pipeline::types::Level;
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    // The long line comes first: after the limit it would not be seen.
    log::write(Level::Info, &"x".repeat(100 << 10));
    for number in 1..=5000 {
        log::write(Level::Info, &format!("line {number}"));
    }
    say("done").await
}

sdk::serve!(chat: chat);
