//! Relays a generation to its end, whether or not somebody listens.

use guests::Outcome;
use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::hayrick::pipeline::types::Options;
use guests::hayrick::pipeline::{llm, response};

async fn chat(request: ChatRequest) -> Outcome {
    let generation = llm::generate_stream(request.messages, Options::default()).await?;
    while let Some(chunk) = generation.next().await? {
        // The failure that says `cancelled` is what this guest does not hear.
        let _ = response::send(chunk).await;
    }
    Ok(())
}

guests::serve!(chat);
