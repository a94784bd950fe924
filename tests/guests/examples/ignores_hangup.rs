//! Relays a generation to its end, even if nobody is listening.

use sdk::hayrick::pipeline::types::Options;
use sdk::hayrick::pipeline::{llm, response};
use sdk::{ChatRequest, Outcome};

async fn chat(request: ChatRequest) -> Outcome {
    let generation = llm::generate_stream(request.messages, Options::default()).await?;
    while let Some(chunk) = generation.next().await? {
        // This guest ignores the failure `cancelled`.
        let _ = response::send(chunk).await;
    }
    Ok(())
}

sdk::serve!(chat: chat);
