//! The content of an answer: a text, or a list of parts as Mistral sends it.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// What the model says and what it thinks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) reasoning: String,
}

impl Content {
    fn append(&mut self, other: &Content) {
        self.text.push_str(&other.text);
        self.reasoning.push_str(&other.reasoning);
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Content, D::Error> {
        input.deserialize_any(Visit)
    }
}

/// Reads a text, a part, or a list of either.
struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = Content;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text or a list of parts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
        Ok(Content {
            text,
            ..Content::default()
        })
    }

    fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
        Ok(Content::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
        let mut all = Content::default();
        while let Some(part) = parts.next_element::<Content>()? {
            all.append(&part);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        let mut part = Content::default();
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "text" | "content" | "refusal" => part.append(&members.next_value()?),
                // What a part of reasoning contains is text again.
                "thinking" | "reasoning" => {
                    let inner: Content = members.next_value()?;
                    part.reasoning.push_str(&inner.reasoning);
                    part.reasoning.push_str(&inner.text);
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_parts_are_read() {
        let of = |json: &str| {
            let content: Content = serde_json::from_str(json).unwrap();
            (content.text, content.reasoning)
        };
        let pair = |text: &str, reasoning: &str| (text.to_owned(), reasoning.to_owned());
        assert_eq!(of(r#""a\n""#), pair("a\n", ""));
        assert_eq!(of("null"), pair("", ""));
        assert_eq!(of("[]"), pair("", ""));
        assert_eq!(
            of(r#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#),
            pair("ab", "")
        );
        assert_eq!(
            of(r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]"#),
            pair("", "hm")
        );
        assert_eq!(
            of(r#"[{"type":"reference","reference_ids":[1]},"x"]"#),
            pair("x", "")
        );
    }
}
