//! Guesses the handle of a generation.

use sdk::hayrick::pipeline::llm::Generation;
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    // SAFETY: only the host interprets a handle; it is not an address in this guest.
    let forged = unsafe { Generation::from_handle(1) };
    let chunk = forged.next().await;
    say(format!("generation: IN REACH: {chunk:?}")).await
}

sdk::serve!(chat: chat);
