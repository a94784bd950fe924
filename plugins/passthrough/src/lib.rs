//! Passes a chat on to a model as it is, with its whole history, tools, parameters and parts; and
//! everything that the model says back to the client.
//!
//! The model is the default one, or the alias that the operator writes as `model` under `[config]`.

use std::collections::BTreeMap;

use sdk::hayrick::pipeline::types::Options;
use sdk::hayrick::pipeline::{config, llm, response};
use sdk::{ChatRequest, Failure, Outcome, invalid_input};
use serde_json::value::RawValue;

/// The host writes these itself: it asks the model in its own way, and answers as the client asked.
const OF_THE_HOST: [&str; 6] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "events",
];

async fn chat(request: ChatRequest) -> Outcome {
    let options = Options {
        model: config::get("model"),
        extra: Some(parameters(&request.body)?),
        ..Options::default()
    };
    let answer = llm::generate_stream(request.messages, options).await?;
    response::forward(answer).await
}

/// Every field of the request that a model may read, as the client wrote it.
fn parameters(body: &str) -> Result<String, Failure> {
    let fields: Result<BTreeMap<&str, &RawValue>, _> = serde_json::from_str(body);
    let mut fields = fields.map_err(|error| invalid_input(error.to_string()))?;
    fields.retain(|name, _| !OF_THE_HOST.contains(name));
    serde_json::to_string(&fields).map_err(|error| invalid_input(error.to_string()))
}

sdk::serve!(chat: chat);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_tools_stay_as_they_were_written() {
        let body = r#"{"model": "m", "messages": [], "stream": true, "n": 1, "temperature": 0.10,
            "seed": 12345678901234567890123, "tools": [{"type": "custom"}]}"#;
        let expected =
            r#"{"seed":12345678901234567890123,"temperature":0.10,"tools":[{"type": "custom"}]}"#;
        assert_eq!(parameters(body).unwrap(), expected);
    }
}
