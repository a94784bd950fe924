//! Sleeps for as long as there are milliseconds to sleep.

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::hayrick::pipeline::timers;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    timers::sleep(u64::MAX).await;
    send_text("awake").await
}

guests::serve!(chat);
