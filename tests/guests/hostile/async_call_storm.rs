//! Awaits host functions that are ready immediately, forever: a loop that never computes for long.

use sdk::hayrick::pipeline::{state, timers};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    loop {
        timers::sleep(0).await;
        let _ = state::get("storm".to_owned()).await;
    }
}

sdk::serve!(chat: chat);
