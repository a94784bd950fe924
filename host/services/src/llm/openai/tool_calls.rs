//! Puts the pieces of tool calls in order. OpenAI sends one piece with the id and the name, then
//! pieces of the arguments under the same index; others repeat the id and the name in every piece,
//! leave out the index, or send every call whole at index 0.

use std::collections::BTreeMap;

use hayrick_types::chunk::ToolCallDelta;

/// A piece as the upstream sent it.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// The index, or else its place in the event.
    pub(crate) index: u32,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) arguments: String,
    /// The other members, a JSON object.
    pub(crate) fields: Option<String>,
}

/// The calls of one answer so far.
#[derive(Debug, Default)]
pub(crate) struct ToolCalls {
    /// The current call at each index of the upstream.
    current: BTreeMap<u32, Call>,
    count: u32,
}

#[derive(Debug)]
struct Call {
    index: u32,
    id: Option<String>,
    name: Option<String>,
    /// Whether its arguments are a whole JSON object.
    whole: Wholeness,
}

impl ToolCalls {
    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The same piece with the index of its call, and without what was sent before.
    pub(crate) fn place(&mut self, piece: Piece) -> ToolCallDelta {
        // Some repeat the id and the name as empty strings.
        let (id, name) = (some(piece.id), some(piece.name));
        let known = self.current.get(&piece.index);
        if known.is_none_or(|call| call.is_over(id.as_deref(), name.as_deref())) {
            let call = Call {
                index: self.count,
                id: None,
                name: None,
                whole: Wholeness::default(),
            };
            self.count = self.count.saturating_add(1);
            self.current.insert(piece.index, call);
        }
        let Some(call) = self.current.get_mut(&piece.index) else {
            return ToolCallDelta {
                index: piece.index,
                id,
                name,
                arguments: piece.arguments,
                fields: piece.fields,
            };
        };
        call.whole.push(&piece.arguments);
        ToolCallDelta {
            index: call.index,
            id: first(&mut call.id, id),
            name: first(&mut call.name, name),
            arguments: piece.arguments,
            fields: piece.fields,
        }
    }
}

impl Call {
    /// Whether a piece with this id and name begins another call.
    fn is_over(&self, id: Option<&str>, name: Option<&str>) -> bool {
        match (self.id.as_deref(), id) {
            (Some(known), Some(id)) => known != id,
            // A name after whole arguments belongs to the next call.
            (None, None) => name.is_some() && self.name.is_some() && self.whole.is_whole(),
            _ => false,
        }
    }
}

/// The value if it is the first one.
fn first(known: &mut Option<String>, value: Option<String>) -> Option<String> {
    if known.is_some() {
        return None;
    }
    known.clone_from(&value);
    value
}

fn some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Follows the brackets of a JSON text, so that its end is seen without keeping it.
#[derive(Debug, Default)]
struct Wholeness {
    depth: u32,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl Wholeness {
    fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => {
                    self.begun = true;
                    self.depth += 1;
                }
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sent<'a> = (u32, Option<&'a str>, Option<&'a str>, &'a str);

    fn place(pieces: &[Sent<'_>]) -> Vec<(u32, Option<String>, Option<String>, String)> {
        let mut calls = ToolCalls::default();
        let placed = pieces.iter().map(|(index, id, name, arguments)| {
            let placed = calls.place(Piece {
                index: *index,
                id: id.map(str::to_owned),
                name: name.map(str::to_owned),
                arguments: (*arguments).to_owned(),
                fields: None,
            });
            (placed.index, placed.id, placed.name, placed.arguments)
        });
        placed.collect()
    }

    fn expect(pieces: &[Sent<'_>], expected: &[Sent<'_>]) {
        let owned = |text: &Option<&str>| text.map(str::to_owned);
        let expected: Vec<_> = expected
            .iter()
            .map(|(index, id, name, arguments)| {
                (*index, owned(id), owned(name), (*arguments).to_owned())
            })
            .collect();
        assert_eq!(place(pieces), expected, "{pieces:?}");
    }

    #[test]
    fn pieces_of_one_call_stay_together() {
        let usual = [
            (0, Some("a"), Some("f"), ""),
            (0, None, None, "{\"x\":"),
            (0, Some(""), Some(""), "1}"),
        ];
        let kept = [
            (0, Some("a"), Some("f"), ""),
            (0, None, None, "{\"x\":"),
            (0, None, None, "1}"),
        ];
        expect(&usual, &kept);
        let repeated = [
            (0, Some("a"), Some("f"), ""),
            (0, Some("a"), Some("f"), "{\"x\":"),
            (0, Some("a"), Some("f"), "1}"),
        ];
        expect(&repeated, &kept);
    }

    #[test]
    fn calls_at_one_index_are_told_apart() {
        let by_id = [
            (0, Some("a"), Some("f"), "{}"),
            (0, Some("b"), Some("f"), "{}"),
        ];
        expect(
            &by_id,
            &[
                (0, Some("a"), Some("f"), "{}"),
                (1, Some("b"), Some("f"), "{}"),
            ],
        );
        let without_ids = [
            (0, None, Some("f"), "{\"a\":\"}\"}"),
            (0, None, Some("f"), "{}"),
        ];
        expect(
            &without_ids,
            &[
                (0, None, Some("f"), "{\"a\":\"}\"}"),
                (1, None, Some("f"), "{}"),
            ],
        );
        let late_id = [(0, None, Some("f"), "{"), (0, Some("a"), None, "}")];
        expect(
            &late_id,
            &[(0, None, Some("f"), "{"), (0, Some("a"), None, "}")],
        );
    }
}
