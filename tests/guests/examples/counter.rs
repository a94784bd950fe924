//! Counts its runs in a static: every answer is 1 as long as every run has a fresh store.

use std::sync::atomic::{AtomicU64, Ordering};

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::{Outcome, send_text};

static RUNS: AtomicU64 = AtomicU64::new(0);

async fn chat(_request: ChatRequest) -> Outcome {
    let earlier = RUNS.fetch_add(1, Ordering::Relaxed);
    send_text((earlier + 1).to_string()).await
}

guests::serve!(chat);
