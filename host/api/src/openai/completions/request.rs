//! Reads a request of `/completions`, and makes a chat of one message of it.

use hayrick_types::message::{Message, Role};
use hayrick_types::request::ChatRequest;
use serde_json::{Map, Value, json};

use crate::body::depth;
use crate::error::ApiError;

/// Fields that mean something for a prompt only, and would mislead a model that chats.
const OF_PROMPTS: [&str; 5] = ["prompt", "suffix", "echo", "logprobs", "best_of"];

/// A request that can run.
#[derive(Debug)]
pub(super) struct ParsedRequest {
    pub(super) chat: ChatRequest,
    /// Text that the answer begins with: the prompt, if the client asks for it.
    pub(super) echo: String,
    pub(super) stream: bool,
    /// `stream_options.include_usage`: one more frame, with the usage.
    pub(super) usage: bool,
}

/// Reads the body. The plugin gets it with `messages` in place of the prompt.
///
/// # Errors
/// 400, with the field that is wrong.
pub(super) fn parse(
    body: &str,
    headers: Vec<(String, String)>,
    depth_max: usize,
) -> Result<ParsedRequest, ApiError> {
    depth::check(body, depth_max)?;
    let mut fields: Map<String, Value> = serde_json::from_str(body)
        .map_err(|error| ApiError::invalid(format!("the body is not valid JSON: {error}"), None))?;
    let Some(Value::String(model)) = fields.get("model").cloned() else {
        let text =
            "'model' is missing: set it to the name of a pipeline; GET /v1/models lists them";
        return Err(ApiError::invalid(text, Some("model")));
    };
    let prompt = prompt(fields.get("prompt"))?;
    one(&fields, "n")?;
    one(&fields, "best_of")?;
    if fields
        .get("suffix")
        .is_some_and(|suffix| !suffix.is_null() && suffix != "")
    {
        let text = "'suffix' is not supported: a pipeline answers, and does not fill a gap";
        return Err(ApiError::invalid(text, Some("suffix")));
    }
    let options = fields.get("stream_options").filter(|it| !it.is_null());
    if options.is_some_and(|options| !options.is_object()) {
        let text = "'stream_options' is wrong: send an object";
        return Err(ApiError::invalid(text, Some("stream_options")));
    }
    let usage = options.and_then(|options| options.get("include_usage"));
    let usage = flag(usage, "stream_options")?;
    let stream = flag(fields.get("stream"), "stream")?;
    let echo = flag(fields.get("echo"), "echo")?;
    fields.retain(|name, _| !OF_PROMPTS.contains(&name.as_str()));
    let messages = json!([{"role": "user", "content": prompt}]);
    fields.insert("messages".to_owned(), messages);
    Ok(ParsedRequest {
        echo: if echo { prompt.clone() } else { String::new() },
        chat: ChatRequest {
            model,
            messages: vec![Message::text(Role::User, &prompt)],
            body: Value::Object(fields).to_string(),
            headers,
        },
        stream,
        usage,
    })
}

fn prompt(value: Option<&Value>) -> Result<String, ApiError> {
    let invalid = |text: &str| Err(ApiError::invalid(text, Some("prompt")));
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(items)) => match items.as_slice() {
            [Value::String(text)] => Ok(text.clone()),
            [Value::String(_), ..] => invalid("'prompt' has several texts: send one at a time"),
            _ => invalid("'prompt' has no text: send a text instead of tokens"),
        },
        _ => invalid("'prompt' is missing: send a text"),
    }
}

/// False if it is left out.
fn flag(value: Option<&Value>, name: &'static str) -> Result<bool, ApiError> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(is_set)) => Ok(*is_set),
        Some(_) => Err(ApiError::invalid(
            format!("'{name}' is wrong: send true or false"),
            Some(name),
        )),
    }
}

/// A pipeline gives one answer.
fn one(fields: &Map<String, Value>, name: &'static str) -> Result<(), ApiError> {
    let count = fields.get(name).filter(|count| !count.is_null());
    match count.map(Value::as_f64) {
        None | Some(Some(1.0)) => Ok(()),
        Some(_) => {
            let text = format!("'{name}' is not 1, but a pipeline gives one answer: leave it out");
            Err(ApiError::invalid(text, Some(name)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<ParsedRequest, ApiError> {
        parse(body, Vec::new(), 10)
    }

    #[test]
    fn a_prompt_becomes_a_message_and_the_rest_stays() {
        let request = read(
            r#"{"model": "m", "prompt": ["hi"], "temperature": 0.5, "echo": true, "logprobs": 2,
                "n": 1.0, "best_of": null, "suffix": ""}"#,
        )
        .unwrap();
        let body: Value = serde_json::from_str(&request.chat.body).unwrap();
        let messages = json!([{"role": "user", "content": "hi"}]);
        let expected = json!({"model": "m", "messages": messages, "temperature": 0.5, "n": 1.0});
        assert_eq!(body, expected);
        assert_eq!(request.chat.messages, [Message::text(Role::User, "hi")]);
        assert_eq!((&*request.echo, request.stream), ("hi", false));
    }

    #[test]
    fn errors_name_the_field() {
        for (body, param) in [
            (r#"{"prompt": "a"}"#, "model"),
            (r#"{"model": "m"}"#, "prompt"),
            (r#"{"model": "m", "prompt": ["a", "b"]}"#, "prompt"),
            (r#"{"model": "m", "prompt": [1, 2]}"#, "prompt"),
            (r#"{"model": "m", "prompt": "a", "n": 2}"#, "n"),
            (r#"{"model": "m", "prompt": "a", "best_of": 3}"#, "best_of"),
            (r#"{"model": "m", "prompt": "a", "suffix": "b"}"#, "suffix"),
            (
                r#"{"model": "m", "prompt": "a", "stream": "yes"}"#,
                "stream",
            ),
            (r#"{"model": "m", "prompt": "a", "echo": 1}"#, "echo"),
            (
                r#"{"model": "m", "prompt": "a", "stream_options": 5}"#,
                "stream_options",
            ),
            (
                r#"{"model": "m", "prompt": "a", "stream_options": {"include_usage": "x"}}"#,
                "stream_options",
            ),
        ] {
            let error = read(body).unwrap_err();
            let shown = serde_json::to_value(error.body()).unwrap();
            assert_eq!(shown["error"]["param"], param, "{body}");
        }
    }
}
