//! Starts generations and keeps them all.

use sdk::hayrick::pipeline::llm;
use sdk::hayrick::pipeline::types::Options;
use sdk::{ChatRequest, Outcome, user_message};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut held = Vec::new();
    loop {
        held.push(llm::generate_stream(vec![user_message("again")], Options::default()).await?);
    }
}

sdk::serve!(chat: chat);
