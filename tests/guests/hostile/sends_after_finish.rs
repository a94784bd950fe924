//! Sends a finish chunk and continues, with other finish reasons and more text.

use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, FinishReason};
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    for reason in [
        FinishReason::Stop,
        FinishReason::ToolCalls,
        FinishReason::ContentFilter,
    ] {
        send(Chunk::Finish(reason)).await?;
        say("after the end").await?;
    }
    Ok(())
}

sdk::serve!(chat: chat);
