//! Tries to block its thread by sleeping for as long as possible.

use std::time::Duration;

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    std::thread::sleep(Duration::from_secs(u64::from(u32::MAX)));
    say("awake").await
}

sdk::serve!(chat: chat);
