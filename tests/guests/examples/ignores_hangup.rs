//! Relays a generation to its end, whether or not somebody listens.

use sdk::hayrick::pipeline::types::Options;
use sdk::hayrick::pipeline::{llm, response};
use sdk::{ChatRequest, Outcome};

async fn chat(request: ChatRequest) -> Outcome {
    let generation = llm::generate_stream(request.messages, Options::default()).await?;
    while let Some(chunk) = generation.next().await? {
        // The failure that says `cancelled` is what this guest does not hear.
        let _ = response::send(chunk).await;
    }
    Ok(())
}

sdk::serve!(chat: chat);
