//! Counts its runs in a static: the answer is always 1 if every run has a fresh store.

use std::sync::atomic::{AtomicU64, Ordering};

use sdk::{ChatRequest, Outcome, say};

static RUNS: AtomicU64 = AtomicU64::new(0);

async fn chat(_request: ChatRequest) -> Outcome {
    let earlier = RUNS.fetch_add(1, Ordering::Relaxed);
    say((earlier + 1).to_string()).await
}

sdk::serve!(chat: chat);
