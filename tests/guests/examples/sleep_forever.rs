//! Sleeps for the longest time possible.

use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    timers::sleep(u64::MAX).await;
    say("awake").await
}

sdk::serve!(chat: chat);
