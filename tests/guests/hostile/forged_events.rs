//! Sends events whose kind and data try to break out of their frame.

use hostile::FORGERIES;
use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, Event};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    for text in FORGERIES {
        for data in [
            text.to_owned(),
            format!("{{\n\n\"a\": 1\r\n}}{text}"),
            format!("\n\n[1,\n\n2]\n\n"),
        ] {
            send(Chunk::Event(Event {
                kind: text.to_owned(),
                data,
            }))
            .await?;
        }
    }
    Ok(())
}

sdk::serve!(chat: chat);
