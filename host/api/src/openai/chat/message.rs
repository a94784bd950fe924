//! A message of a chat request. Members that the contract has no place for are kept as they came.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use hayrick_types::message::{Message, Part, Role, ToolCall};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Characters of an unknown role that an error repeats.
const ROLE_CHARS_MAX: usize = 32;

/// A message as it is on the wire.
pub(super) struct WireMessage(pub(super) Message);

struct WireRole(Role);

/// Text, a list of parts, or nothing.
#[derive(Default)]
struct Content(Vec<Part>);

/// Members in the order of their names, as they came.
type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl<'de> Deserialize<'de> for WireMessage {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<WireMessage, D::Error> {
        input.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = WireMessage;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a message, an object with a role and content")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireMessage, A::Error> {
        let (mut role, mut content) = (None::<WireRole>, None::<Content>);
        let (mut name, mut tool_call_id) = (None::<String>, None::<String>);
        let mut calls = None::<Vec<WireToolCall>>;
        let mut others = Members::new();
        while let Some(member) = map.next_key::<Cow<'de, str>>()? {
            match member.as_ref() {
                "role" => role = Some(map.next_value()?),
                "content" => content = Some(map.next_value()?),
                "name" => name = map.next_value()?,
                "tool_calls" => calls = map.next_value()?,
                "tool_call_id" => tool_call_id = map.next_value()?,
                _ => {
                    let value: &RawValue = map.next_value()?;
                    others.insert(member, value);
                }
            }
        }
        let role = role.ok_or_else(|| A::Error::missing_field("role"))?.0;
        let calls = calls.unwrap_or_default().into_iter();
        Ok(WireMessage(Message {
            role,
            content: content.unwrap_or_default().0,
            name,
            tool_calls: calls.map(|call| call.0).collect(),
            tool_call_id,
            fields: object(&others).map_err(A::Error::custom)?,
        }))
    }
}

/// The members as a JSON object; `None` without any that say something.
fn object(members: &Members<'_>) -> Result<Option<String>, serde_json::Error> {
    let says = |value: &&RawValue| value.get() != "null";
    if !members.values().any(says) {
        return Ok(None);
    }
    serde_json::to_string(members).map(Some)
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

/// A call of a tool. Its arguments become JSON text, whatever the client sent.
struct WireToolCall(ToolCall);

impl<'de> Deserialize<'de> for WireToolCall {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<WireToolCall, D::Error> {
        let mut members = Members::deserialize(input)?;
        let id = members.remove("id").map(text).unwrap_or_default();
        let function = match members.remove("function") {
            Some(function) => serde_json::from_str(function.get()).map_err(D::Error::custom)?,
            None => Members::new(),
        };
        if members
            .get("type")
            .is_some_and(|kind| kind.get() == "\"function\"")
        {
            members.remove("type");
        }
        let custom: Members<'_> = members
            .get("custom")
            .and_then(|custom| serde_json::from_str(custom.get()).ok())
            .unwrap_or_default();
        if function.is_empty() && custom.is_empty() {
            return Err(D::Error::custom(
                "a tool call must have a 'function' with a name and arguments",
            ));
        }
        let member = |name| function.get(name).or(custom.get(name)).copied();
        let arguments = member("arguments").or(member("input"));
        Ok(WireToolCall(ToolCall {
            id,
            name: member("name").map(text).unwrap_or_default(),
            arguments: arguments.map_or_else(|| "{}".to_owned(), arguments_text),
            fields: object(&members).map_err(D::Error::custom)?,
        }))
    }
}

/// The text of a string, or else the JSON of the value.
fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

/// Arguments are JSON text; some clients send the document itself, or `null` for none.
fn arguments_text(value: &RawValue) -> String {
    match value.get() {
        "null" => "{}".to_owned(),
        _ => text(value),
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

/// A part. A bare string is a text.
fn part(raw: &RawValue) -> Result<Part, &'static str> {
    let json = raw.get();
    if json.starts_with('"') {
        return Ok(Part::Text(text(raw)));
    }
    let mut members: Members<'_> = serde_json::from_str(json)
        .map_err(|_| "a part of a message must be an object with a 'type'")?;
    let kind: Cow<'_, str> = members
        .remove("type")
        .and_then(|kind| serde_json::from_str(kind.get()).ok())
        .ok_or("a part of a message must be an object with a 'type'")?;
    let part = match kind.as_ref() {
        "text" => Part::Text(
            members
                .remove("text")
                .and_then(|text| serde_json::from_str(text.get()).ok())
                .ok_or("a part of type 'text' must have a string 'text'")?,
        ),
        "image_url" => Part::ImageUrl(
            take_url(&mut members)
                .ok_or("a part of type 'image_url' must have a string 'image_url.url'")?,
        ),
        _ => return Ok(Part::Other(json.to_owned())),
    };
    let fields = other_members(&members)?;
    Ok(part.with(fields))
}

/// The URL of an image: `image_url` is an object, or the URL itself, as some clients send it.
fn take_url(members: &mut Members<'_>) -> Option<String> {
    let image = members.get("image_url")?.get();
    if let Ok(url) = serde_json::from_str(image) {
        members.remove("image_url");
        return Some(url);
    }
    let mut inner: Members<'_> = serde_json::from_str(image).ok()?;
    let url = serde_json::from_str(inner.remove("url")?.get()).ok()?;
    if inner.is_empty() {
        members.remove("image_url");
    }
    Some(url)
}

/// What is left of a part. The `url` of an image stays out: it is not wanted twice.
fn other_members(members: &Members<'_>) -> Result<Option<String>, &'static str> {
    const WRONG: &str = "a part of a message is not valid JSON";
    let Some(image) = members.get("image_url") else {
        return object(members).map_err(|_| WRONG);
    };
    let mut inner: Members<'_> = serde_json::from_str(image.get()).map_err(|_| WRONG)?;
    inner.remove("url");
    let image = serde_json::value::to_raw_value(&inner).map_err(|_| WRONG)?;
    let mut members = members.clone();
    members.insert(Cow::Borrowed("image_url"), &image);
    object(&members).map_err(|_| WRONG)
}
