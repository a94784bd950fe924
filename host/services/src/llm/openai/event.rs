//! The members of an event of a streamed answer, or of a whole one.

use std::borrow::Cow;
use std::fmt;

use hayrick_types::chunk::OPENAI_MEMBERS;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::llm::openai::content::Content;

/// Members of which no client learns anything: OpenAI's random padding, and what vLLM puts beside the
/// message of an error.
const NOISE: [&str; 3] = ["obfuscation", "code", "param"];

#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) choices: Option<Vec<Choice<'a>>>,
    pub(super) usage: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    /// vLLM and Mistral name an error here, and put its fields beside it.
    pub(super) object: Option<&'a RawValue>,
    /// Anthropic names it here.
    pub(super) r#type: Option<&'a RawValue>,
    /// What else a server says instead of an answer.
    pub(super) detail: Option<&'a RawValue>,
    pub(super) message: Option<&'a RawValue>,
    pub(super) errors: Option<&'a RawValue>,
    pub(super) x_groq: Option<Groq<'a>>,
    /// Members that OpenAI does not have, such as `citations`.
    pub(super) others: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// Groq's own object.
#[derive(Deserialize)]
pub(super) struct Groq<'a> {
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

/// One answer of several, or a piece of it.
#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    /// In place of `delta` in a whole answer.
    #[serde(borrow)]
    pub(super) message: Option<Delta<'a>>,
    /// In place of both on servers that also complete plain text.
    pub(super) text: Option<String>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Cow<'a, str>>,
    /// OpenRouter puts a provider's error here.
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// The texts move into chunks, so they are owned.
#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    pub(super) content: Option<Content>,
    /// The name that DeepSeek, vLLM and llama.cpp use.
    pub(super) reasoning_content: Option<String>,
    /// The name that OpenRouter, Ollama and newer versions of vLLM use.
    pub(super) reasoning: Option<String>,
    pub(super) refusal: Option<String>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<WireToolCall<'a>>>,
    /// The form before there were several calls.
    #[serde(borrow)]
    pub(super) function_call: Option<Function<'a>>,
}

#[derive(Deserialize)]
pub(super) struct WireToolCall<'a> {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
    /// Whatever else the model wants back, such as Gemini's `extra_content`.
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Function<'a> {
    pub(super) name: Option<String>,
    /// A string for OpenAI, an object for some others.
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// A name, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Event<'a>, D::Error> {
        reader.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Event<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Event<'de>, A::Error> {
        let mut event = Event::default();
        while let Some(Name(name)) = members.next_key()? {
            match &*name {
                "choices" => event.choices = members.next_value()?,
                "usage" => event.usage = members.next_value()?,
                "error" => event.error = members.next_value()?,
                "object" => event.object = members.next_value()?,
                "type" => event.r#type = members.next_value()?,
                "detail" => event.detail = members.next_value()?,
                "message" => event.message = members.next_value()?,
                "errors" => event.errors = members.next_value()?,
                "x_groq" => event.x_groq = members.next_value()?,
                name if OPENAI_MEMBERS.contains(&name) || NOISE.contains(&name) => {
                    members.next_value::<IgnoredAny>()?;
                }
                _ => {
                    let value: Option<&RawValue> = members.next_value()?;
                    event.others.extend(value.map(|value| (name, value)));
                }
            }
        }
        Ok(event)
    }
}
