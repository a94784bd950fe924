//! Asks a model with options that are as large as its memory, not JSON, or nested a hundred
//! thousand levels deep.

use hostile::{Report, client_text, deep_json, huge, shown};
use sdk::hayrick::pipeline::llm;
use sdk::hayrick::pipeline::types::{Options, Tool};
use sdk::{ChatRequest, Outcome, user_message};

async fn chat(request: ChatRequest) -> Outcome {
    let options = match client_text(&request).as_str() {
        "extra" => Options {
            extra: Some(format!("{{\"x\":\"{}\"}}", huge())),
            ..Options::default()
        },
        "deep" => Options {
            extra: Some(format!("{{\"x\":{}}}", deep_json(100_000))),
            ..Options::default()
        },
        "format" => Options {
            response_format: Some(deep_json(100_000)),
            ..Options::default()
        },
        "tools" => {
            let tool = Tool {
                name: String::new(),
                description: None,
                parameters: "{}".to_owned(),
            };
            Options {
                tools: vec![tool; 200_000],
                ..Options::default()
            }
        }
        "model" => Options {
            model: Some(huge()),
            ..Options::default()
        },
        _ => Options {
            extra: Some("{\"model\": \"stolen\", \"stream\": ".to_owned()),
            ..Options::default()
        },
    };
    let mut report = Report::default();
    let answer = llm::generate(vec![user_message("hi")], options).await;
    report.tried("generate", answer.map(|answer| answer.text).map_err(shown));
    report.send().await
}

sdk::serve!(chat: chat);
