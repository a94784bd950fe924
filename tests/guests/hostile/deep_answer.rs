//! Sends fields and events nested a hundred thousand levels deep.

use hostile::deep_json;
use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, Event};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    send(Chunk::Fields(format!(
        "{{\"deep\":{}}}",
        deep_json(100_000)
    )))
    .await?;
    send(Chunk::Event(Event {
        kind: "deep".to_owned(),
        data: deep_json(100_000),
    }))
    .await?;
    send(Chunk::Event(Event {
        kind: "deep".to_owned(),
        data: "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000),
    }))
    .await
}

sdk::serve!(chat: chat);
