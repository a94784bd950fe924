//! Embeds one huge text, or a million empty ones.

use hostile::{Report, client_text, huge, shown};
use sdk::hayrick::pipeline::llm;
use sdk::{ChatRequest, Outcome};

async fn chat(request: ChatRequest) -> Outcome {
    let texts = if client_text(&request) == "many" {
        vec![String::new(); 1_000_000]
    } else {
        vec![huge()]
    };
    let mut report = Report::default();
    let vectors = llm::embed(texts, None).await;
    report.tried(
        "embed",
        vectors
            .map(|vectors| vectors.len().to_string())
            .map_err(shown),
    );
    report.send().await
}

sdk::serve!(chat: chat);
