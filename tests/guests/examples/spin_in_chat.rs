//! Computes in every run and never ends.

use std::hint::black_box;

use guests::Outcome;
use guests::exports::hayrick::pipeline::chat::ChatRequest;

async fn chat(_request: ChatRequest) -> Outcome {
    loop {
        black_box(());
    }
}

guests::serve!(chat);
