//! Allocates sixteen bytes at a time until memory runs out.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    loop {
        Box::leak(black_box(Box::new([1_u8; 16])));
    }
}

sdk::serve!(chat: chat);
