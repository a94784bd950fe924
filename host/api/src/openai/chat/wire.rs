//! The fields of a chat request that the host reads, as they are on the wire.

use std::borrow::Cow;
use std::fmt;

use hayrick_types::message::{Message, Part, Role, ToolCall};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

/// Characters of an unknown role that an error repeats.
const ROLE_CHARS_MAX: usize = 32;

/// The fields of a request; unknown ones are skipped.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) model: Option<String>,
    pub(super) messages: Option<Vec<Message>>,
    pub(super) stream: Option<bool>,
    pub(super) include_usage: Option<bool>,
    pub(super) events: Option<bool>,
}

/// Reads a request. `reading` is the name of the current field, so that an error can name it.
pub(super) struct FieldsVisitor<'a> {
    pub(super) reading: &'a mut Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Model,
    Messages,
    Stream,
    StreamOptions,
    Events,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct WireMessage {
    role: WireRole,
    #[serde(default)]
    content: Content,
    name: Option<String>,
    tool_calls: Option<Vec<WireToolCall>>,
    tool_call_id: Option<String>,
}

struct WireRole(Role);

/// Text, a list of parts, or nothing.
#[derive(Default)]
struct Content(Vec<Part>);

#[derive(Deserialize)]
struct WireToolCall {
    id: String,
    function: WireFunction,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct PartType<'a> {
    #[serde(rename = "type", borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct TextPart {
    text: String,
}

#[derive(Deserialize)]
struct ImagePart {
    image_url: ImageUrl,
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

impl FieldsVisitor<'_> {
    fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
        &mut self,
        map: &mut A,
        name: &'static str,
    ) -> Result<Option<T>, A::Error> {
        *self.reading = Some(name);
        let value = map.next_value()?;
        *self.reading = None;
        Ok(value)
    }
}

impl<'de> Visitor<'de> for FieldsVisitor<'_> {
    type Value = Fields;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Model => fields.model = self.value(&mut map, "model")?,
                Key::Messages => {
                    let messages: Option<Vec<WireMessage>> = self.value(&mut map, "messages")?;
                    fields.messages =
                        messages.map(|messages| messages.into_iter().map(Message::from).collect());
                }
                Key::Stream => fields.stream = self.value(&mut map, "stream")?,
                Key::StreamOptions => {
                    let options: Option<StreamOptions> = self.value(&mut map, "stream_options")?;
                    fields.include_usage = options.and_then(|options| options.include_usage);
                }
                Key::Events => fields.events = self.value(&mut map, "events")?,
                Key::Other => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

impl From<WireMessage> for Message {
    fn from(wire: WireMessage) -> Message {
        let tool_calls = wire
            .tool_calls
            .unwrap_or_default()
            .into_iter()
            .map(ToolCall::from)
            .collect();
        Message {
            role: wire.role.0,
            content: wire.content.0,
            name: wire.name,
            tool_calls,
            tool_call_id: wire.tool_call_id,
        }
    }
}

impl From<WireToolCall> for ToolCall {
    fn from(wire: WireToolCall) -> ToolCall {
        ToolCall {
            id: wire.id,
            name: wire.function.name,
            arguments: wire.function.arguments,
        }
    }
}

impl<'de> Deserialize<'de> for WireRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WireRole, D::Error> {
        let name = String::deserialize(deserializer)?;
        let role = Role::parse(&name).ok_or_else(|| {
            let name: String = name.chars().take(ROLE_CHARS_MAX).collect();
            D::Error::custom(format_args!(
                "the role '{name}' is unknown: use system, developer, user, assistant or tool"
            ))
        })?;
        Ok(WireRole(role))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("text, a list of parts, or null as the content of a message")
    }

    fn visit_unit<E: Error>(self) -> Result<Content, E> {
        Ok(Content::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content(vec![Part::Text(text.to_owned())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Content, A::Error> {
        let mut parts = Vec::new();
        while let Some(raw) = sequence.next_element::<&RawValue>()? {
            parts.push(part(raw).map_err(A::Error::custom)?);
        }
        Ok(Content(parts))
    }
}

fn part(raw: &RawValue) -> Result<Part, &'static str> {
    let json = raw.get();
    let PartType { name } = serde_json::from_str(json)
        .map_err(|_| "a part of a message must be an object with a 'type'")?;
    match name.as_ref() {
        "text" => {
            let part: TextPart = serde_json::from_str(json)
                .map_err(|_| "a part of type 'text' must have a string 'text'")?;
            Ok(Part::Text(part.text))
        }
        "image_url" => {
            let part: ImagePart = serde_json::from_str(json)
                .map_err(|_| "a part of type 'image_url' must have a string 'image_url.url'")?;
            Ok(Part::ImageUrl(part.image_url.url))
        }
        _ => Ok(Part::Other(json.to_owned())),
    }
}
