//! Recurses to the depth given in the last user message, using a little stack at each level.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome, invalid_input, question, say};

async fn chat(request: ChatRequest) -> Outcome {
    let depth: u64 = question(&request.messages)?
        .parse()
        .map_err(|_| invalid_input("write a depth, as a number"))?;
    say(format!("depth {}", descend(depth))).await
}

fn descend(left: u64) -> u64 {
    let level = black_box(left);
    if level == 0 {
        0
    } else {
        black_box(descend(level - 1)) + 1
    }
}

sdk::serve!(chat: chat);
