//! Computes for four milliseconds: too briefly for one run to be noticed.

use std::time::{Duration, Instant};

use sdk::{ChatRequest, Outcome, say};

const BRIEF: Duration = Duration::from_millis(4);

async fn chat(_request: ChatRequest) -> Outcome {
    let start = Instant::now();
    while start.elapsed() < BRIEF {
        std::hint::spin_loop();
    }
    say("brief").await
}

sdk::serve!(chat: chat);
