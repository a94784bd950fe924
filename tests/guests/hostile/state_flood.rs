//! Writes a mebibyte under one new key after another until it is refused.

use hostile::{Report, shown};
use sdk::hayrick::pipeline::state;
use sdk::{ChatRequest, Outcome};

/// More than any default quota allows.
const TRIES: u32 = 20_000;

async fn chat(_request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    let mut outcome = Ok(());
    for number in 0..TRIES {
        outcome = state::set(format!("large {number}"), vec![7; 1 << 20], None)
            .await
            .map(drop);
        if outcome.is_err() {
            break;
        }
    }
    report.must_fail("bytes", outcome.map_err(shown), |()| "no end".to_owned());
    report.send().await
}

sdk::serve!(chat: chat);
