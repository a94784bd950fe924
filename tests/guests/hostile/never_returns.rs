//! Sends one chunk, then waits forever, a minute at a time.

use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say("first").await?;
    loop {
        timers::sleep(60_000).await;
    }
}

sdk::serve!(chat: chat);
