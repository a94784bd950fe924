//! Sends numbered chunks of 64 KiB until it is stopped.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut count = 0_u64;
    loop {
        count += 1;
        say(format!("{count:>65535}\n")).await?;
    }
}

sdk::serve!(chat: chat);
