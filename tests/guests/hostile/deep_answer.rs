//! Sends fields and events nested a hundred thousand levels deep.

use hostile::{Report, deep_json, shown};
use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, Event};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let fields = Chunk::Fields(format!("{{\"deep\":{}}}", deep_json(100_000)));
    let mut report = Report::default();
    let sent = send(fields).await.map_err(shown);
    report.must_fail("deep fields", sent, |()| "sent".to_owned());
    send(Chunk::Event(Event {
        kind: "deep".to_owned(),
        data: deep_json(100_000),
    }))
    .await?;
    send(Chunk::Event(Event {
        kind: "deep".to_owned(),
        data: "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000),
    }))
    .await?;
    report.send().await
}

sdk::serve!(chat: chat);
