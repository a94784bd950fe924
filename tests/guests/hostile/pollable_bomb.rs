//! Creates WASI timers and keeps them all.

use sdk::{ChatRequest, Outcome};
use wasip2::clocks::monotonic_clock::subscribe_duration;

async fn chat(_request: ChatRequest) -> Outcome {
    let mut held = Vec::new();
    loop {
        held.push(subscribe_duration(u64::MAX));
    }
}

sdk::serve!(chat: chat);
