//! Sends empty chunks forever: limits that count bytes do not see them.

use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, FinishReason, Usage};
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    loop {
        say("").await?;
        send(Chunk::Usage(Usage {
            input_tokens: 0,
            output_tokens: 0,
            details: None,
        }))
        .await?;
        send(Chunk::Finish(FinishReason::Stop)).await?;
    }
}

sdk::serve!(chat: chat);
