//! Allocates and touches memory until there is none left, which aborts it.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1_u8; 1 << 20]));
    }
}

sdk::serve!(chat: chat);
