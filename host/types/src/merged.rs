//! Puts together the pieces of a JSON object that was streamed, as OpenAI's clients do with deltas.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json_line::{JsonLine, members};

/// How deep objects are merged; what is deeper is replaced. `logprobs` needs two levels.
const DEPTH_MAX: usize = 4;
/// Items of a list are merged if their `index` is below this.
const ITEMS_MAX: u64 = 1024;
/// Texts that say the same in each piece.
const CONSTANTS: [&str; 3] = ["id", "type", "format"];

/// What happens to a text of which another piece comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    Joined,
    Replaced,
}

/// An object whose members come in pieces.
#[derive(Debug, Default)]
pub struct Merged(BTreeMap<String, Node>);

#[derive(Debug)]
enum Node {
    /// A string without its quotes, escaped.
    Text(String),
    /// The items of a list, with commas between them.
    List(String),
    /// The items of a list by their `index`.
    Items(BTreeMap<u64, Merged>),
    Object(Merged),
    /// An object of which only one piece has come, or a value without parts.
    Whole(Box<RawValue>),
}

impl Merged {
    /// Adds a member, or the next piece of it. The value must be readable, see
    /// [`is_readable`](crate::json_line::is_readable).
    pub fn add(&mut self, name: &str, piece: &RawValue, texts: Texts) {
        self.add_at(name, piece, texts, 0);
    }

    /// Adds the members of an object.
    pub fn add_all(&mut self, object: &JsonLine, texts: Texts) {
        for (name, value) in object.members() {
            self.add(&name, value, texts);
        }
    }

    fn add_at(&mut self, name: &str, piece: &RawValue, texts: Texts, depth: usize) {
        let is_constant = depth > 0 && CONSTANTS.contains(&name);
        let texts = if is_constant { Texts::Replaced } else { texts };
        match self.0.get_mut(name) {
            Some(_) if piece.get() == "null" => {}
            Some(node) => node.add(piece, texts, depth),
            None => {
                self.0
                    .insert(name.to_owned(), Node::new(piece, texts, depth));
            }
        }
    }

    fn of_object(object: &RawValue, texts: Texts, depth: usize) -> Merged {
        let mut merged = Merged::default();
        merged.add_object(object, texts, depth);
        merged
    }

    fn add_object(&mut self, object: &RawValue, texts: Texts, depth: usize) {
        for (name, value) in members(object.get()) {
            self.add_at(&name, value, texts, depth);
        }
    }

    /// Whether no member has come.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members by name.
    pub fn into_members(self) -> BTreeMap<String, Box<RawValue>> {
        let members = self.0.into_iter();
        members
            .filter_map(|(name, node)| {
                let mut text = String::new();
                node.write(&mut text);
                Some((name, RawValue::from_string(text).ok()?))
            })
            .collect()
    }

    /// The object as a document; `None` if it has no members.
    pub fn into_json(self) -> Option<String> {
        (!self.is_empty()).then(|| {
            let mut text = String::new();
            self.write(&mut text);
            text
        })
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        join(out, &self.0, |out, (name, node)| {
            // A text can always be written.
            out.push_str(&serde_json::to_string(name).unwrap_or_default());
            out.push(':');
            node.write(out);
        });
        out.push('}');
    }
}

impl Node {
    fn new(piece: &RawValue, texts: Texts, depth: usize) -> Node {
        if let Some(text) = between(piece, '"', '"') {
            Node::Text(text.to_owned())
        } else if let Some(items) = indexed(piece) {
            let mut merged = BTreeMap::new();
            merge_items(&mut merged, &items, texts, depth);
            Node::Items(merged)
        } else if let Some(items) = between(piece, '[', ']') {
            Node::List(items.to_owned())
        } else {
            Node::Whole(piece.to_owned())
        }
    }

    fn add(&mut self, piece: &RawValue, texts: Texts, depth: usize) {
        if let Node::Whole(first) = self
            && depth < DEPTH_MAX
            && is_object(first)
        {
            *self = Node::Object(Merged::of_object(first, texts, depth + 1));
        }
        match self {
            Node::Text(text) if texts == Texts::Joined => {
                if let Some(more) = between(piece, '"', '"') {
                    text.push_str(more);
                    return;
                }
            }
            Node::Items(items) => {
                if let Some(more) = indexed(piece) {
                    merge_items(items, &more, texts, depth);
                    return;
                }
                if let Some(more) = between(piece, '[', ']') {
                    let mut list = String::new();
                    join(&mut list, items.values(), |out, item| item.write(out));
                    append(&mut list, more);
                    *self = Node::List(list);
                    return;
                }
            }
            // The first piece of a list is often empty: the next one shows what its items are.
            Node::List(items) if !items.is_empty() => {
                if let Some(more) = between(piece, '[', ']') {
                    append(items, more);
                    return;
                }
            }
            Node::Object(object) if is_object(piece) => {
                object.add_object(piece, texts, depth + 1);
                return;
            }
            _ => {}
        }
        *self = Node::new(piece, texts, depth);
    }

    fn write(&self, out: &mut String) {
        match self {
            Node::Text(text) => out.extend(["\"", text, "\""]),
            Node::List(items) => out.extend(["[", items, "]"]),
            Node::Items(items) => {
                out.push('[');
                join(out, items.values(), |out, item| item.write(out));
                out.push(']');
            }
            Node::Object(object) => object.write(out),
            Node::Whole(value) => out.push_str(value.get()),
        }
    }
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// What is between the ends of a string or list.
fn between(value: &RawValue, first: char, last: char) -> Option<&str> {
    let inner = value.get().strip_prefix(first)?.strip_suffix(last)?;
    // A text may have spaces at its ends.
    Some(if first == '[' { inner.trim() } else { inner })
}

/// The items of a list with the `index` that each has; `None` if one has none.
fn indexed(list: &RawValue) -> Option<Vec<(u64, &RawValue)>> {
    #[derive(Deserialize)]
    struct Indexed {
        index: u64,
    }
    let text = list.get();
    // Lists of numbers are frequent and long.
    between(list, '[', ']')?.starts_with('{').then_some(())?;
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let with_index = items.into_iter().map(|item| {
        let index = serde_json::from_str::<Indexed>(item.get()).ok()?.index;
        (index < ITEMS_MAX).then_some((index, item))
    });
    with_index.collect()
}

fn merge_items(
    merged: &mut BTreeMap<u64, Merged>,
    items: &[(u64, &RawValue)],
    texts: Texts,
    depth: usize,
) {
    for (index, item) in items {
        let merged = merged.entry(*index).or_default();
        // The index is a number, which is replaced by itself.
        merged.add_object(item, texts, depth + 1);
    }
}

fn append(items: &mut String, more: &str) {
    if !more.is_empty() {
        items.push(',');
        items.push_str(more);
    }
}

/// Writes the parts with commas between them.
fn join<T>(
    out: &mut String,
    parts: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    for (place, part) in parts.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(out, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: Texts, pieces: &[&str]) -> String {
        let mut merged = Merged::default();
        for piece in pieces {
            for (name, value) in members(piece) {
                merged.add(&name, value, texts);
            }
        }
        merged.into_json().unwrap_or_default()
    }

    #[test]
    fn pieces_of_a_message_are_joined() {
        let cases: [(&[&str], &str); 8] = [
            (&[], ""),
            (
                &[r#"{"a": "x\\"}"#, r#"{"a": "\n y"}"#],
                r#"{"a":"x\\\n y"}"#,
            ),
            (
                &[r#"{"a":[1, 2]}"#, r#"{"a":[]}"#, r#"{"a":[ {"b":3} ]}"#],
                r#"{"a":[1, 2,{"b":3}]}"#,
            ),
            (
                &[
                    r#"{"r":[]}"#,
                    r#"{"r":[{"index":1,"type":"t","text":"b"}]}"#,
                    r#"{"r":[{"index":0,"text":"a"},{"index":1,"type":"t","text":"c"}]}"#,
                ],
                r#"{"r":[{"index":0,"text":"a"},{"index":1,"text":"bc","type":"t"}]}"#,
            ),
            (
                &[
                    r#"{"audio":{"id":"i","data":"AA"}}"#,
                    r#"{"audio":{"id":"i","data":"BB","expires_at":1}}"#,
                ],
                r#"{"audio":{"data":"AABB","expires_at":1,"id":"i"}}"#,
            ),
            (&[r#"{"a":"x"}"#, r#"{"a":null}"#], r#"{"a":"x"}"#),
            (&[r#"{"a":null}"#, r#"{"a":"x"}"#], r#"{"a":"x"}"#),
            (
                &[r#"{"a":1}"#, r#"{"a":[1]}"#, r#"{"a":true}"#],
                r#"{"a":true}"#,
            ),
        ];
        for (pieces, expected) in cases {
            assert_eq!(merged(Texts::Joined, pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn texts_of_a_choice_are_replaced_and_its_lists_joined() {
        let pieces = [
            r#"{"logprobs":{"content":[{"token":"a"}],"refusal":null},"filter":{"hate":{"severity":"safe"}}}"#,
            r#"{"logprobs":{"content":[{"token":"b"}],"refusal":null},"filter":{"hate":{"severity":"low"}}}"#,
        ];
        let expected = r#"{"filter":{"hate":{"severity":"low"}},"logprobs":{"content":[{"token":"a"},{"token":"b"}],"refusal":null}}"#;
        assert_eq!(merged(Texts::Replaced, &pieces), expected);
    }

    #[test]
    fn what_is_deep_is_replaced() {
        let deep = |text: &str| format!("{}\"{text}\"{}", "{\"a\":".repeat(9), "}".repeat(9));
        let (first, second) = (deep("x"), deep("y"));
        assert_eq!(merged(Texts::Joined, &[&first, &second]), second);
    }

    #[test]
    fn a_list_with_a_high_index_stays_a_list() {
        let pieces = [r#"{"a":[{"index":1}]}"#, r#"{"a":[{"index":1024}]}"#];
        let expected = r#"{"a":[{"index":1},{"index":1024}]}"#;
        assert_eq!(merged(Texts::Joined, &pieces), expected);
    }
}
