//! Sends as many ticks as the last user message says, one every 20 ms.

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::hayrick::pipeline::timers;
use guests::hayrick::pipeline::types::FailureKind;
use guests::{Outcome, failure, last_user_text, send_text};

const INTERVAL_MS: u64 = 20;

async fn chat(request: ChatRequest) -> Outcome {
    let text = last_user_text(&request);
    let ticks: u64 = text.parse().map_err(|_| failure(FailureKind::InvalidInput, format!("{text:?} is no number of ticks")))?;
    for tick in 1..=ticks {
        send_text(format!("tick {tick}\n")).await?;
        timers::sleep(INTERVAL_MS).await;
    }
    Ok(())
}

guests::serve!(chat);
