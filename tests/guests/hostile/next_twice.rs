//! Asks a generation for its next chunk while an earlier call is still waiting, and forwards it at
//! the same time.

use futures_util::future::join3;
use sdk::hayrick::pipeline::types::Options;
use sdk::hayrick::pipeline::{llm, timers};
use sdk::{ChatRequest, Outcome, say, user_message};

async fn chat(_request: ChatRequest) -> Outcome {
    let generation =
        llm::generate_stream(vec![user_message("hello there")], Options::default()).await?;
    let (first, second, ()) = join3(generation.next(), generation.next(), timers::sleep(1)).await;
    say(format!("next: done: {} {}", first.is_ok(), second.is_ok())).await
}

sdk::serve!(chat: chat);
