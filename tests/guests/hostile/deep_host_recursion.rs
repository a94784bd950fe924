//! Recurses with a host call at every level, so that both stacks are in use when the guest's stack
//! overflows.

use std::hint::black_box;

use sdk::hayrick::pipeline::{tasks, types::Level};
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say(depth(0).to_string()).await
}

fn depth(level: u64) -> usize {
    let id = black_box(tasks::id());
    if level % 1000 == 0 {
        sdk::hayrick::pipeline::log::write(Level::Trace, "deeper");
    }
    if black_box(level) == u64::MAX {
        0
    } else {
        black_box(depth(level + 1)) + id.len()
    }
}

sdk::serve!(chat: chat);
