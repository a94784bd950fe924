//! Measures how fine the clocks are, and computes times that overflow.

use std::time::{Duration, Instant};

use hostile::Report;
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    let start = Instant::now();
    let steps = (0..10_000)
        .filter(|_| Instant::now() != Instant::now())
        .count();
    report.tried(
        "steps",
        Ok::<_, String>(format!("{steps} of 10000 in {:?}", start.elapsed())),
    );
    report.tried(
        "overflow",
        Ok::<_, String>(format!("{:?}", start.checked_add(Duration::MAX))),
    );
    report.send().await
}

sdk::serve!(chat: chat);
