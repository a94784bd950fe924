//! Panics in every run.

use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    panic!("this guest panics in every run")
}

sdk::serve!(chat: chat);
