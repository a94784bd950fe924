//! Sends chunks of 64 KiB, numbered, as long as it may.

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut count = 0_u64;
    loop {
        count += 1;
        send_text(format!("{count:>65535}\n")).await?;
    }
}

guests::serve!(chat);
