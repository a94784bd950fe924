//! Sends one chunk as large as its memory, of the kind that the client names.

use hostile::{Report, client_text, huge, shown};
use sdk::hayrick::pipeline::response::send;
use sdk::hayrick::pipeline::types::{Chunk, Event, ToolCallDelta};
use sdk::{ChatRequest, Outcome};

async fn chat(request: ChatRequest) -> Outcome {
    let chunk = match client_text(&request).as_str() {
        "reasoning" => Chunk::Reasoning(huge()),
        "event" => Chunk::Event(Event {
            kind: huge(),
            data: "1".to_owned(),
        }),
        "fields" => Chunk::Fields(format!("{{\"x\":\"{}\"}}", huge())),
        "tool-call" => Chunk::ToolCall(ToolCallDelta {
            index: 0,
            id: None,
            name: Some(huge()),
            arguments: String::new(),
            fields: None,
        }),
        _ => Chunk::Text(huge()),
    };
    let mut report = Report::default();
    report.must_fail("send", send(chunk).await.map_err(shown), |()| String::new());
    report.send().await
}

sdk::serve!(chat: chat);
