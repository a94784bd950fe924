//! An API that does what `do` says: returns what it got, streams, returns a file, or breaks a rule.

use sdk::hayrick::pipeline::types::FailureKind;
use sdk::{Api, ApiRequest, Description, Failure, File, Output, failure, invalid_input, say};
use serde_json::{Value, json};

struct Script;

impl Api for Script {
    fn describe() -> Description {
        let input = json!({
            "type": "object",
            "properties": {
                "do": {"enum": ["echo", "stream", "file", "fail", "both", "text", "nothing"]},
                "text": {"type": "string", "maxLength": 100},
                "n": {"type": "integer", "minimum": 1},
                "list": {"type": "array", "items": {"type": "integer"}},
                "node": {"$ref": "#/$defs/node"},
                "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
            },
            "required": ["do"],
            "$defs": {"node": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/node"}, "value": {"type": "integer"}},
            }},
        });
        Description {
            title: Some("A script".to_owned()),
            summary: Some("Does what it is told.".to_owned()),
            input: input.to_string(),
            output: Some(json!({"type": "object"}).to_string()),
        }
    }

    async fn run(request: ApiRequest) -> Result<Output, Failure> {
        let input: Value = serde_json::from_str(&request.input)
            .map_err(|error| invalid_input(error.to_string()))?;
        match input["do"].as_str() {
            Some("echo") => echo(input, request).await,
            Some("stream") => {
                say("one ").await?;
                say("two").await?;
                Ok(Output::Sent)
            }
            Some("file") => Ok(Output::File(File {
                name: Some("../p\u{ef}xel.png".to_owned()),
                media_type: input["text"].as_str().unwrap_or("image/png").to_owned(),
                content: vec![0, 159, 146, 150],
            })),
            Some("fail") => Err(failure(FailureKind::NotFound, "no such thing")),
            Some("both") => {
                say("one").await?;
                Ok(Output::Value("2".to_owned()))
            }
            Some("text") => Ok(Output::Value("not JSON".to_owned())),
            _ => Ok(Output::Sent),
        }
    }
}

async fn echo(input: Value, request: ApiRequest) -> Result<Output, Failure> {
    let mut files = Vec::new();
    for file in request.files {
        let content = file.read(1 << 20).await?;
        files.push(json!({"name": file.name(), "content": String::from_utf8_lossy(&content)}));
    }
    let headers: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
    let value = json!({"input": input, "files": files, "headers": headers});
    Ok(Output::Value(format!("{value:#}")))
}

sdk::serve!(api: Script);
