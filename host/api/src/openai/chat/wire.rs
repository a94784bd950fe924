//! The fields of a chat request that the host reads, as they are on the wire.

use std::fmt;

use hayrick_types::message::Message;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::message::WireMessage;

/// Characters of a value that an error repeats.
const SHOWN_CHARS_MAX: usize = 32;

/// The fields of a request; unknown ones are skipped.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) model: Option<String>,
    pub(super) messages: Option<Vec<Message>>,
    pub(super) stream: Option<bool>,
    pub(super) include_usage: Option<bool>,
    pub(super) events: Option<bool>,
    /// The answers asked for.
    pub(super) n: Option<Count>,
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
    N,
    #[serde(other)]
    Other,
}

/// A number of answers, in whatever form it was sent.
#[derive(Debug)]
pub(super) struct Count(String);

impl Count {
    /// Whether it is the one answer that a run gives.
    pub(super) fn is_one(&self) -> bool {
        self.0.parse() == Ok(1.0)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().take(SHOWN_CHARS_MAX).collect();
        out.write_str(&shown)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Count, D::Error> {
        <&RawValue>::deserialize(input).map(|raw| Count(raw.get().to_owned()))
    }
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
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
                        messages.map(|messages| messages.into_iter().map(|it| it.0).collect());
                }
                Key::Stream => fields.stream = self.value(&mut map, "stream")?,
                Key::StreamOptions => {
                    let options: Option<StreamOptions> = self.value(&mut map, "stream_options")?;
                    fields.include_usage = options.and_then(|options| options.include_usage);
                }
                Key::Events => fields.events = self.value(&mut map, "events")?,
                Key::N => fields.n = self.value(&mut map, "n")?,
                Key::Other => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}
