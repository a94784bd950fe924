//! Sends fields with tens of thousands of members, which the host has to read one by one.

use std::fmt::Write;

use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::Chunk;
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut fields = String::from("{\"a\":0");
    for number in 0..15_000 {
        // Writing to memory cannot fail.
        let _ = write!(fields, ",\"{number:06x}\":1.5");
    }
    fields.push('}');
    for _ in 0..40 {
        send(Chunk::Fields(fields.clone())).await?;
    }
    Ok(())
}

sdk::serve!(chat: chat);
