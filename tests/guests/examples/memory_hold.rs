//! Allocates the memory given in the last user message, `MIB:TICKS`, and keeps it for that many
//! ticks of 20 ms.

use std::hint::black_box;

use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome, invalid_input, question, say};

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let usage = || invalid_input("write MIB:TICKS");
    let (mebibytes, ticks) = text.split_once(':').ok_or_else(usage)?;
    let mebibytes: usize = mebibytes.parse().map_err(|_| usage())?;
    let ticks: u64 = ticks.parse().map_err(|_| usage())?;
    let held = black_box(vec![1_u8; mebibytes << 20]);
    for tick in 1..=ticks {
        say(format!("tick {tick}\n")).await?;
        timers::sleep(20).await;
    }
    say(format!("held {}", black_box(held).len())).await
}

sdk::serve!(chat: chat);
