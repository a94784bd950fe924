//! JSON of a plugin, checked once, where it comes in: whoever writes it later copies it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What ends a line. JSON has these characters only between its tokens.
pub const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// Bytes of a text in a JSON document, without the quotes.
pub fn escaped_len(text: &str) -> usize {
    text.bytes().map(escaped_byte_len).sum()
}

fn escaped_byte_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => "\\u0000".len(),
        _ => 1,
    }
}

/// The part of a text of which [`escaped_len`] is at most `bytes_max`.
pub fn cut_escaped(text: &str, bytes_max: usize) -> &str {
    let mut left = bytes_max;
    let end = text.bytes().position(|byte| {
        let rest = left.checked_sub(escaped_byte_len(byte));
        left = rest.unwrap_or(left);
        rest.is_none()
    });
    let end = end.map_or(text.len(), |end| text.floor_char_boundary(end));
    text.get(..end).unwrap_or_default()
}

/// A JSON document on one line that every reader can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLine(String);

impl JsonLine {
    /// The document, without the line ends between its tokens. Text that is not one becomes a JSON
    /// string.
    pub fn new(text: String) -> JsonLine {
        if !is_readable(&text) {
            return JsonLine(serde_json::Value::String(text).to_string());
        }
        if text.contains(LINE_ENDS) {
            return JsonLine(text.replace(LINE_ENDS, ""));
        }
        JsonLine(text)
    }

    /// The document.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document.
    pub fn into_string(self) -> String {
        self.0
    }

    /// The members of an object, each as it was written; none if the document is not an object.
    pub fn members(&self) -> Vec<(Cow<'_, str>, &RawValue)> {
        members(&self.0)
    }

    /// Whether the document is an object.
    pub fn is_object(&self) -> bool {
        self.0.trim_ascii_start().starts_with('{')
    }
}

/// The members of a JSON object, each as it was written; none if the text is not one.
pub fn members(text: &str) -> Vec<(Cow<'_, str>, &RawValue)> {
    let read: Result<Members<'_>, _> = serde_json::from_str(text);
    read.map_or_else(|_| Vec::new(), |members| members.0)
}

/// The members of a JSON object, each as it was written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Members<'de>, D::Error> {
        input.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(Members(members))
    }
}

/// A name, which is a part of the document unless it has an escape.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether every reader can read this JSON. What a parser skips may be 100,000 levels deep or have
/// half a character in a string: it would make whatever contains it unreadable.
pub fn is_readable(text: &str) -> bool {
    serde_json::from_str::<Readable>(text).is_ok()
}

/// A value that was read in full and not kept.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Readable, D::Error> {
        input.deserialize_any(ReadableVisitor)
    }
}

struct ReadableVisitor;

impl<'de> Visitor<'de> for ReadableVisitor {
    type Value = Readable;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_str<E>(self, _: &str) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Readable, A::Error> {
        while list.next_element::<Readable>()?.is_some() {}
        Ok(Readable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Readable, A::Error> {
        while map.next_entry::<Readable, Readable>()?.is_some() {}
        Ok(Readable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_a_client_could_not_read_is_not_readable() {
        assert!(is_readable(
            r#"{"a": [1, -2, 0.5, null, true, "\ud83d\ude00"], "b": {}}"#
        ));
        for text in [
            "",
            "{",
            "1 2",
            r#""\ud800""#,
            r#"{"a": "\udc00"}"#,
            r#"{"\udc00": 1}"#,
            r#"{1: 1}"#,
            "1e999",
            &"[".repeat(200),
            &("[".repeat(200) + &"]".repeat(200)),
        ] {
            assert!(!is_readable(text), "{text}");
        }
    }

    #[test]
    fn a_document_is_one_line() {
        for (text, expected) in [
            ("{\n\"a\":\r\n1}", r#"{"a":1}"#),
            ("not json\n\ndata: x", r#""not json\n\ndata: x""#),
            ("1\n\n2", r#""1\n\n2""#),
            ("", r#""""#),
        ] {
            assert_eq!(JsonLine::new(text.to_owned()).as_str(), expected);
        }
    }

    #[test]
    fn a_text_counts_and_is_cut_as_json_has_it() {
        for text in [
            "",
            "plain",
            "\0\u{1f}",
            "\"\\\n\r\t\u{8}\u{c}",
            "ü\u{2028}😀",
        ] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(escaped_len(text), json.len() - 2, "{json}");
            for max in 0..=json.len() {
                let cut = cut_escaped(text, max);
                assert!(
                    text.starts_with(cut) && escaped_len(cut) <= max,
                    "{json} {max}"
                );
                let next = text[cut.len()..].chars().next();
                let longer = next.map(|next| format!("{cut}{next}"));
                assert!(
                    longer.is_none_or(|longer| escaped_len(&longer) > max),
                    "{json} {max}"
                );
            }
        }
    }
}
