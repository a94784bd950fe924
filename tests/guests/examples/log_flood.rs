//! Logs one line of 100 KiB and 5000 short ones.

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::hayrick::pipeline::log;
use guests::hayrick::pipeline::types::Level;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    // The long one first: after the limit it would not be seen.
    log::write(Level::Info, &"x".repeat(100 << 10));
    for number in 1..=5000 {
        log::write(Level::Info, &format!("line {number}"));
    }
    send_text("done").await
}

guests::serve!(chat);
