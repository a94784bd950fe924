//! Computes forever in every run.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    loop {
        black_box(());
    }
}

sdk::serve!(chat: chat);
