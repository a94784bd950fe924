//! Starts a million concurrent sleeps.

use futures_util::future::join_all;
use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    let slept = join_all((0..1_000_000).map(|_| timers::sleep(1000))).await;
    say(format!("slept: done: {}", slept.len())).await
}

sdk::serve!(chat: chat);
