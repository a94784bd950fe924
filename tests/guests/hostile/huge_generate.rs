//! Asks a model with one message as large as its memory, with 300,000 messages, or with a million
//! parts.

use hostile::{Report, client_text, huge, shown};
use sdk::hayrick::pipeline::llm;
use sdk::hayrick::pipeline::types::Options;
use sdk::{ChatRequest, Outcome, user_message};

async fn chat(request: ChatRequest) -> Outcome {
    let messages = match client_text(&request).as_str() {
        "many" => vec![user_message(""); 300_000],
        "parts" => {
            let mut message = user_message("");
            message.content = vec![sdk::text_part(""); 1_000_000];
            vec![message]
        }
        _ => vec![user_message(huge())],
    };
    let mut report = Report::default();
    report.tried(
        "generate",
        llm::generate(messages, Options::default())
            .await
            .map(|answer| answer.text)
            .map_err(shown),
    );
    report.send().await
}

sdk::serve!(chat: chat);
