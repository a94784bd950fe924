//! Makes timers of WASI's and keeps every one of them.

use sdk::{ChatRequest, Outcome};
use wasip2::clocks::monotonic_clock::subscribe_duration;

async fn chat(_request: ChatRequest) -> Outcome {
    let mut held = Vec::new();
    loop {
        held.push(subscribe_duration(u64::MAX));
    }
}

sdk::serve!(chat: chat);
