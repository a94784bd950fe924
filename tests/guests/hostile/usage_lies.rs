//! Reports absurd token counts, repeatedly.

use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, Usage};
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    say("text").await?;
    for tokens in [u64::MAX, u64::from(u32::MAX), u64::MAX - 1, 1 << 63] {
        send(Chunk::Usage(Usage {
            input_tokens: tokens,
            output_tokens: tokens,
            details: None,
        }))
        .await?;
    }
    Ok(())
}

sdk::serve!(chat: chat);
