//! Sends chunks of 64 KiB, numbered, as long as it may.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut count = 0_u64;
    loop {
        count += 1;
        say(format!("{count:>65535}\n")).await?;
    }
}

sdk::serve!(chat: chat);
