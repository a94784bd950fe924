//! The members of an event of a streamed answer, or of a whole one.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use hayrick_types::chunk::{CHOICE_MEMBERS, MESSAGE_MEMBERS, OPENAI_MEMBERS};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::llm::openai::content::Content;

/// Members of which no client learns anything: OpenAI's random padding, and what vLLM puts beside the
/// message of an error.
const NOISE: [&str; 3] = ["obfuscation", "code", "param"];

/// Members that have no field of their own, such as `citations`, by name.
pub(super) type Others<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// An object of which some members are read, and the others kept as they are.
trait Object<'de>: Default {
    /// The members that are not kept, whether they are read or not.
    const SKIPPED: &'static [&'static str];

    /// Reads the value of a member that has a field; `false` if `name` has none.
    fn read<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<bool, A::Error>;

    fn others(&mut self) -> &mut Others<'de>;
}

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
    pub(super) others: Others<'a>,
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
#[derive(Default)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<u32>,
    pub(super) delta: Option<Delta<'a>>,
    /// In place of `delta` in a whole answer.
    pub(super) message: Option<Delta<'a>>,
    /// In place of both on servers that also complete plain text.
    pub(super) text: Option<String>,
    pub(super) finish_reason: Option<Name<'a>>,
    /// OpenRouter puts a provider's error here.
    pub(super) error: Option<&'a RawValue>,
    pub(super) others: Others<'a>,
}

/// The texts move into chunks, so they are owned.
#[derive(Default)]
pub(super) struct Delta<'a> {
    pub(super) content: Option<Content>,
    /// The name that DeepSeek, vLLM and llama.cpp use.
    pub(super) reasoning_content: Option<String>,
    /// The name that OpenRouter, Ollama and newer versions of vLLM use.
    pub(super) reasoning: Option<String>,
    pub(super) refusal: Option<String>,
    pub(super) tool_calls: Option<Vec<WireToolCall<'a>>>,
    /// The form before there were several calls.
    pub(super) function_call: Option<Function<'a>>,
    pub(super) others: Others<'a>,
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
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'de> Object<'de> for Event<'de> {
    const SKIPPED: &'static [&'static str] = &OPENAI_MEMBERS;

    fn read<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<bool, A::Error> {
        match name {
            "choices" => self.choices = members.next_value()?,
            "usage" => self.usage = members.next_value()?,
            "error" => self.error = members.next_value()?,
            "object" => self.object = members.next_value()?,
            "type" => self.r#type = members.next_value()?,
            "detail" => self.detail = members.next_value()?,
            "message" => self.message = members.next_value()?,
            "errors" => self.errors = members.next_value()?,
            "x_groq" => self.x_groq = members.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn others(&mut self) -> &mut Others<'de> {
        &mut self.others
    }
}

impl<'de> Object<'de> for Choice<'de> {
    const SKIPPED: &'static [&'static str] = &CHOICE_MEMBERS;

    fn read<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<bool, A::Error> {
        match name {
            "index" => self.index = members.next_value()?,
            "delta" => self.delta = members.next_value()?,
            "message" => self.message = members.next_value()?,
            "text" => self.text = members.next_value()?,
            "finish_reason" => self.finish_reason = members.next_value()?,
            "error" => self.error = members.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn others(&mut self) -> &mut Others<'de> {
        &mut self.others
    }
}

impl<'de> Object<'de> for Delta<'de> {
    const SKIPPED: &'static [&'static str] = &MESSAGE_MEMBERS;

    fn read<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<bool, A::Error> {
        match name {
            "content" => self.content = members.next_value()?,
            "reasoning_content" => self.reasoning_content = members.next_value()?,
            "reasoning" => self.reasoning = members.next_value()?,
            "refusal" => self.refusal = members.next_value()?,
            "tool_calls" => self.tool_calls = members.next_value()?,
            "function_call" => self.function_call = members.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn others(&mut self) -> &mut Others<'de> {
        &mut self.others
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<T, A::Error> {
        let mut object = T::default();
        while let Some(Name(name)) = members.next_key()? {
            if object.read(&name, &mut members)? {
                continue;
            }
            if T::SKIPPED.contains(&&*name) || NOISE.contains(&&*name) {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: Option<&RawValue> = members.next_value()?;
            let value = value.filter(|value| says_something(value));
            object.others().extend(value.map(|value| (name, value)));
        }
        Ok(object)
    }
}

/// Some servers send an empty `error`, or other empty members, with every event.
pub(super) fn says_something(member: &RawValue) -> bool {
    !matches!(member.get(), "{}" | "[]" | "\"\"" | "false" | "0")
}

macro_rules! objects {
    ($($object:ident),*) => {
        $(impl<'de: 'a, 'a> Deserialize<'de> for $object<'a> {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<$object<'a>, D::Error> {
                reader.deserialize_map(Members::<$object<'de>>(PhantomData))
            }
        })*
    };
}

objects!(Event, Choice, Delta);
