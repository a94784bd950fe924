//! Sends empty tool calls, each with a new index: a whole answer has to store every one.

use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, ToolCallDelta};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    for index in 0..u32::MAX {
        send(Chunk::ToolCall(ToolCallDelta {
            index,
            id: None,
            name: None,
            arguments: String::new(),
            fields: None,
        }))
        .await?;
    }
    Ok(())
}

sdk::serve!(chat: chat);
