//! Sends fields that try to replace the answer's own fields: verbatim, duplicated, escaped, and in
//! upper case.

use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::Chunk;
use sdk::{ChatRequest, Outcome, say};

const RESERVED: [&str; 9] = [
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "error",
    "system_fingerprint",
    "event",
];

async fn chat(_request: ChatRequest) -> Outcome {
    say("true").await?;
    for name in RESERVED {
        let escaped: String = name
            .chars()
            .map(|character| format!("\\u{:04x}", u32::from(character)))
            .collect();
        for name in [
            name.to_owned(),
            escaped,
            name.to_uppercase(),
            format!("{name}\\u0000"),
            format!(" {name}"),
        ] {
            send(Chunk::Fields(format!(
                "{{\"{name}\": \"FORGED\", \"{name}\": [\"FORGED\"]}}"
            )))
            .await?;
        }
    }
    for text in [
        "{\"x\":1}\n\ndata: [DONE]\n\n",
        "}",
        "{\"a\":\n\n1,\r\n\"b\":2}",
        "{\"\": \"\\ud800\"}",
        "[]",
        "",
    ] {
        // The host refuses what is not an object.
        let _ = send(Chunk::Fields(text.to_owned())).await;
    }
    Ok(())
}

sdk::serve!(chat: chat);
