//! Shortens a text: `POST /summarizer/run` with `{"text": "…", "words": 30}`.

use sdk::hayrick::pipeline::llm;
use sdk::hayrick::pipeline::types::Options;
use sdk::{Api, ApiRequest, Description, Failure, Output, invalid_input, user_message};
use serde::Deserialize;
use serde_json::json;

struct Summarizer;

#[derive(Deserialize)]
struct Input {
    text: String,
    #[serde(default = "fifty")]
    words: u32,
}

fn fifty() -> u32 {
    50
}

impl Api for Summarizer {
    fn describe() -> Description {
        let input = json!({
            "type": "object",
            "properties": {
                "text": {"type": "string", "minLength": 1, "description": "The text to shorten."},
                "words": {
                    "type": "integer", "minimum": 5, "maximum": 500, "default": fifty(),
                    "description": "About how long the summary is to be.",
                },
            },
            "required": ["text"],
        });
        let output = json!({
            "type": "object",
            "properties": {"summary": {"type": "string"}},
            "required": ["summary"],
        });
        Description {
            title: Some("Summarizer".to_owned()),
            summary: Some("Shortens a text to about as many words as you ask for.".to_owned()),
            input: input.to_string(),
            output: Some(output.to_string()),
        }
    }

    async fn run(request: ApiRequest) -> Result<Output, Failure> {
        let Input { text, words } = serde_json::from_str(&request.input)
            .map_err(|error| invalid_input(error.to_string()))?;
        let prompt = format!("Summarize this text in about {words} words:\n\n{text}");
        let answer = llm::generate(vec![user_message(prompt)], Options::default()).await?;
        Ok(Output::Value(json!({"summary": answer.text}).to_string()))
    }
}

sdk::serve!(api: Summarizer);
