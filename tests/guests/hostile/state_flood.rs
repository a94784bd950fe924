//! Writes a mebibyte under ever new keys, then empty values under ever new keys, until it is
//! refused.

use hostile::{Report, shown};
use sdk::hayrick::pipeline::state;
use sdk::{ChatRequest, Outcome};

/// More than any quota this host has by default.
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
