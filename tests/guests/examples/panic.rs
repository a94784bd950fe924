//! Panics in every run.

use guests::Outcome;
use guests::exports::hayrick::pipeline::chat::ChatRequest;

async fn chat(_request: ChatRequest) -> Outcome {
    panic!("this guest panics in every run")
}

guests::serve!(chat);
