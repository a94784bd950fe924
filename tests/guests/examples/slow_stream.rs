//! Sends the number of ticks given in the last user message, one every 20 ms.

use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome, invalid_input, question, say};

const INTERVAL_MS: u64 = 20;

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let ticks: u64 = text
        .parse()
        .map_err(|_| invalid_input(format!("{text:?} is not a number of ticks")))?;
    for tick in 1..=ticks {
        say(format!("tick {tick}\n")).await?;
        timers::sleep(INTERVAL_MS).await;
    }
    Ok(())
}

sdk::serve!(chat: chat);
