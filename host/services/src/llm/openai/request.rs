//! The body of a `/chat/completions` request.

use std::collections::BTreeMap;

use bytes::Bytes;
use hayrick_types::failure::Failure;
use hayrick_types::generation::{Options, Tool};
use hayrick_types::message::Message;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::llm::failure::invalid;
use crate::llm::openai::message::{WireMessage, json, wire_message};

/// Fields that only the host sets. With them a plugin could use a model or an account that it was
/// not granted (gateways such as OpenRouter and LiteLLM read the later ones), pay for answers that
/// nobody sees, or break the stream.
const RESERVED: [&str; 16] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "best_of",
    "models",
    "fallbacks",
    "route",
    "provider",
    "model_list",
    "api_base",
    "base_url",
    "api_key",
    "user_config",
    "custom_llm_provider",
];

/// Reserved fields with the value that the host's requests have anyway: clients set them, and
/// plugins pass on what clients set.
const HARMLESS: [(&str, &str); 12] = [
    ("n", "1"),
    ("n", "null"),
    ("best_of", "1"),
    ("best_of", "null"),
    ("stream", "true"),
    ("stream", "false"),
    ("stream", "null"),
    ("stream_options", "null"),
    ("stream_options", "{\"include_usage\":true}"),
    ("stream_options", "{\"include_usage\": true}"),
    ("models", "null"),
    ("provider", "null"),
];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<Typed<WireTool<'a>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<&'a RawValue>,
    #[serde(flatten)]
    extra: BTreeMap<String, &'a RawValue>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// What OpenAI wraps into `{"type": "function", "function": …}`.
#[derive(Serialize)]
struct Typed<T> {
    r#type: &'static str,
    function: T,
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: &'a RawValue,
}

/// Whether the request asks for the usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskUsage {
    Yes,
    No,
}

/// The body of a streamed request: whole answers are streamed too, since only then do the timeouts
/// between tokens mean anything.
///
/// # Errors
/// `InvalidInput`: something is not valid JSON, or `extra` sets a field that only the host may set.
pub(crate) fn encode(
    model: &str,
    messages: &[Message],
    options: &Options,
    ask: AskUsage,
) -> Result<Bytes, Failure> {
    let extra = extra(options.extra.as_deref())?;
    // A field that the plugin set itself takes precedence.
    let is_free = |field: &str| !extra.contains_key(field);
    let tools = options
        .tools
        .iter()
        .map(wire_tool)
        .collect::<Result<Vec<_>, _>>()?;
    let format = options
        .response_format
        .as_deref()
        .map(|text| json("response_format", text))
        .transpose()?;
    let body = Body {
        model,
        messages: messages
            .iter()
            .map(wire_message)
            .collect::<Result<_, _>>()?,
        stream: true,
        stream_options: (ask == AskUsage::Yes).then_some(StreamOptions {
            include_usage: true,
        }),
        temperature: options.temperature.filter(|_| is_free("temperature")),
        max_tokens: options
            .max_tokens
            .filter(|_| is_free("max_tokens") && is_free("max_completion_tokens")),
        seed: options.seed.filter(|_| is_free("seed")),
        tools: Some(tools).filter(|tools| !tools.is_empty() && is_free("tools")),
        response_format: format.filter(|_| is_free("response_format")),
        extra,
    };
    serde_json::to_vec(&body)
        .map(Bytes::from)
        .map_err(|error| invalid(format!("the request cannot be written as JSON: {error}")))
}

fn extra(text: Option<&str>) -> Result<BTreeMap<String, &RawValue>, Failure> {
    let Some(text) = text else {
        return Ok(BTreeMap::new());
    };
    let mut extra: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|error| {
        invalid(format!(
            "options.extra is not a JSON object ({error}): correct it"
        ))
    })?;
    extra.retain(|field, value| !HARMLESS.contains(&(&**field, value.get())));
    match RESERVED.iter().find(|field| extra.contains_key(**field)) {
        Some(field) => Err(invalid(format!(
            "options.extra sets '{field}', which only the host may set: leave it out"
        ))),
        None => Ok(extra),
    }
}

fn wire_tool(tool: &Tool) -> Result<Typed<WireTool<'_>>, Failure> {
    let parameters = json(
        &format!("the schema of the tool '{}'", tool.name),
        &tool.parameters,
    )?;
    let function = WireTool {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters,
    };
    Ok(Typed {
        r#type: "function",
        function,
    })
}

#[cfg(test)]
mod tests {
    use hayrick_types::failure::FailureKind;
    use hayrick_types::message::{Part, Role, ToolCall};
    use serde_json::{Value, json};

    use super::*;

    fn body(messages: &[Message], options: &Options) -> Value {
        serde_json::from_slice(&encode("m", messages, options, AskUsage::Yes).unwrap()).unwrap()
    }

    #[test]
    fn a_plain_request_has_no_optional_fields() {
        let expected = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}],
            "stream": true, "stream_options": {"include_usage": true}});
        assert_eq!(
            body(&[Message::text(Role::User, "hi")], &Options::default()),
            expected
        );
    }

    #[test]
    fn parts_and_tool_calls_have_the_form_openai_defines() {
        let mut user = Message::text(Role::User, "what is it?");
        user.content.push(Part::ImageUrl("data:x".to_owned()));
        user.content.push(Part::Other(
            r#"{"type":"input_audio","big":12345678901234567890123}"#.to_owned(),
        ));
        let mut assistant = Message {
            content: Vec::new(),
            ..Message::text(Role::Assistant, "")
        };
        assistant.tool_calls.push(ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
            fields: None,
        });
        let tool = Message {
            tool_call_id: Some("c".to_owned()),
            ..Message::text(Role::Tool, "4")
        };
        let messages = body(&[user, assistant, tool], &Options::default())["messages"].to_string();
        let expected: Value = serde_json::from_str(
            r#"[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image_url","image_url":{"url":"data:x"}},
                {"type":"input_audio","big":12345678901234567890123}]},
                {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
                {"role":"tool","content":"4","tool_call_id":"c"}]"#,
        )
        .unwrap();
        assert_eq!(messages, expected.to_string());
    }

    #[test]
    fn options_and_extra_are_merged_and_extra_wins() {
        let tool = Tool {
            name: "f".to_owned(),
            description: None,
            parameters: r#"{"type":"object"}"#.to_owned(),
        };
        let options = Options {
            temperature: Some(0.7),
            max_tokens: Some(5),
            seed: Some(-1),
            tools: vec![tool],
            response_format: Some(r#"{"type":"json_object"}"#.to_owned()),
            extra: Some(r#"{"top_p":0.5,"max_completion_tokens":9,"seed":3}"#.to_owned()),
            ..Options::default()
        };
        let body = body(&[], &options);
        assert!(body.to_string().contains(r#""temperature":0.7"#), "{body}");
        assert_eq!(
            (
                &body["top_p"],
                &body["seed"],
                &body["max_completion_tokens"]
            ),
            (&json!(0.5), &json!(3), &json!(9))
        );
        assert_eq!(
            body["tools"],
            json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])
        );
        assert_eq!(body["response_format"], json!({"type": "json_object"}));
        assert!(body.get("max_tokens").is_none());
    }

    #[test]
    fn invalid_json_and_reserved_fields_are_refused() {
        let options = |extra: &str| Options {
            extra: Some(extra.to_owned()),
            ..Options::default()
        };
        for (extra, reason) in [
            ("[]", "not a JSON object"),
            ("{", "not a JSON object"),
            (r#"{"model":"big"}"#, "'model'"),
        ] {
            let failure = encode("m", &[], &options(extra), AskUsage::Yes).unwrap_err();
            assert_eq!(failure.kind, FailureKind::InvalidInput);
            assert!(failure.message.contains(reason), "{failure}");
        }
        let part = Message {
            content: vec![Part::Other("{".to_owned())],
            ..Message::text(Role::User, "")
        };
        assert!(encode("m", &[part], &Options::default(), AskUsage::Yes).is_err());
    }
}
