//! Sends text that imitates frames, headers and the end of the answer.

use hostile::FORGERIES;
use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, ToolCallDelta};
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    for text in FORGERIES {
        say(text).await?;
        send(Chunk::Reasoning(text.to_owned())).await?;
        let (id, name) = (Some(text.to_owned()), Some(text.to_owned()));
        send(Chunk::ToolCall(ToolCallDelta {
            index: u32::MAX,
            id,
            name,
            arguments: text.to_owned(),
            fields: None,
        }))
        .await?;
    }
    Ok(())
}

sdk::serve!(chat: chat);
