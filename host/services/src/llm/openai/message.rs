//! The messages of a request. Members that the contract has no place for travel with them.

use hayrick_types::failure::Failure;
use hayrick_types::message::{Message, Part, Role, ToolCall};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::llm::failure::invalid;

#[derive(Serialize)]
pub(crate) struct WireMessage<'a> {
    role: &'static str,
    /// Left out if the message has a member of that name that says it better.
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum WirePart<'a> {
    Known(KnownPart<'a>),
    Other(&'a RawValue),
    With(Map<String, Value>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum KnownPart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct WireToolCall<'a> {
    id: &'a str,
    /// Left out for a call of another type, whose members are in `others`.
    #[serde(flatten)]
    function: Option<Function<'a>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Serialize)]
struct Function<'a> {
    r#type: &'static str,
    function: NamedArguments<'a>,
}

#[derive(Serialize)]
struct NamedArguments<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// Members of a message that the contract has a place for.
const OF_MESSAGE: [&str; 5] = ["role", "content", "name", "tool_calls", "tool_call_id"];

/// The message as OpenAI defines it.
///
/// # Errors
/// `InvalidInput`: some part or member of it is not JSON.
pub(crate) fn wire_message(message: &Message) -> Result<WireMessage<'_>, Failure> {
    Ok(WireMessage {
        role: message.role.as_str(),
        content: content(message)?,
        name: message.name.as_deref(),
        tool_calls: message
            .tool_calls
            .iter()
            .map(wire_call)
            .collect::<Result<_, _>>()?,
        tool_call_id: message.tool_call_id.as_deref(),
        others: others("a message", message.fields.as_deref(), &OF_MESSAGE)?,
    })
}

/// A single text goes as a string, which every upstream reads; not every one reads parts.
fn content(message: &Message) -> Result<Option<Content<'_>>, Failure> {
    match message.content.as_slice() {
        [] if message.role == Role::Assistant
            && (!message.tool_calls.is_empty() || message.fields.is_some()) =>
        {
            Ok(None)
        }
        [] => Ok(Some(Content::Text(""))),
        [Part::Text(text)] => Ok(Some(Content::Text(text))),
        parts => Ok(Some(Content::Parts(
            parts.iter().map(wire_part).collect::<Result<_, _>>()?,
        ))),
    }
}

fn wire_part(part: &Part) -> Result<WirePart<'_>, Failure> {
    Ok(match part {
        Part::Text(text) => WirePart::Known(KnownPart::Text { text }),
        Part::ImageUrl(url) => WirePart::Known(KnownPart::ImageUrl {
            image_url: ImageUrl { url },
        }),
        Part::Other(text) => WirePart::Other(json("a part of a message", text)?),
        Part::With(part, fields) => WirePart::With(with_fields(part, fields)?),
    })
}

/// A part and its other members; those of `image_url` join the URL.
fn with_fields(part: &Part, fields: &str) -> Result<Map<String, Value>, Failure> {
    let mut members = others("a part of a message", Some(fields), &["type", "text"])?;
    match part {
        Part::ImageUrl(url) => {
            members.insert("type".to_owned(), serde_json::json!("image_url"));
            let image = members
                .entry("image_url")
                .or_insert_with(|| serde_json::json!({}));
            match image.as_object_mut() {
                Some(image) => image.insert("url".to_owned(), serde_json::json!(url)),
                None => members.insert("image_url".to_owned(), serde_json::json!({"url": url})),
            };
        }
        part => {
            members.insert("type".to_owned(), serde_json::json!("text"));
            members.insert(
                "text".to_owned(),
                serde_json::json!(part.as_text().unwrap_or_default()),
            );
        }
    }
    Ok(members)
}

/// A document of the plugin.
///
/// # Errors
/// `InvalidInput`: it is not JSON.
pub(crate) fn json<'a>(what: &str, text: &'a str) -> Result<&'a RawValue, Failure> {
    serde_json::from_str(text)
        .map_err(|error| invalid(format!("{what} is not valid JSON ({error}): correct it")))
}

fn wire_call(call: &ToolCall) -> Result<WireToolCall<'_>, Failure> {
    let others = others("a tool call", call.fields.as_deref(), &["id", "function"])?;
    let function = (!others.contains_key("type")).then_some(Function {
        r#type: "function",
        function: NamedArguments {
            name: &call.name,
            arguments: &call.arguments,
        },
    });
    Ok(WireToolCall {
        id: &call.id,
        function,
        others,
    })
}

/// The other members of something, without those that the contract has a place for.
fn others(what: &str, fields: Option<&str>, known: &[&str]) -> Result<Map<String, Value>, Failure> {
    let Some(fields) = fields else {
        return Ok(Map::new());
    };
    let mut members: Map<String, Value> = serde_json::from_str(fields).map_err(|error| {
        invalid(format!(
            "the fields of {what} are not a JSON object ({error}): correct them"
        ))
    })?;
    members.retain(|name, _| !known.contains(&&**name));
    Ok(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json as document;

    use super::*;

    fn wire(message: &Message) -> Value {
        serde_json::to_value(wire_message(message).unwrap()).unwrap()
    }

    #[test]
    fn other_members_travel_with_their_part_call_and_message() {
        let mut message = Message::text(Role::Assistant, "");
        let detail = r#"{"image_url":{"detail":"low","url":"ignored"},"x":1}"#;
        message.content = vec![
            Part::Text("a".to_owned()).with(Some(r#"{"cache_control":{"type":"e"}}"#.to_owned())),
            Part::ImageUrl("u".to_owned()).with(Some(detail.to_owned())),
        ];
        message.fields = Some(r#"{"reasoning_content":"hm","role":"user"}"#.to_owned());
        message.tool_calls = vec![
            ToolCall {
                id: "a".to_owned(),
                name: "f".to_owned(),
                arguments: "{}".to_owned(),
                fields: Some(r#"{"extra_content":1}"#.to_owned()),
            },
            ToolCall {
                id: "b".to_owned(),
                name: "g".to_owned(),
                arguments: "x".to_owned(),
                fields: Some(r#"{"type":"custom","custom":{"name":"g","input":"x"}}"#.to_owned()),
            },
        ];
        let expected = document!({
            "role": "assistant",
            "content": [
                {"type": "text", "text": "a", "cache_control": {"type": "e"}},
                {"type": "image_url", "image_url": {"url": "u", "detail": "low"}, "x": 1}
            ],
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": 1},
                {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}}
            ]
        });
        assert_eq!(wire(&message), expected);
        message.fields = Some("[]".to_owned());
        let failure = wire_message(&message).err().unwrap();
        assert!(failure.message.contains("not a JSON object"), "{failure}");
    }
}
