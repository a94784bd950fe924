//! Fields that a plugin adds to an answer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hayrick_types::chunk::{CHOICE_MEMBERS, MESSAGE_MEMBERS, OPENAI_MEMBERS};
use hayrick_types::json_line::{JsonLine, is_readable};
use serde_json::value::RawValue;

/// The place of events, which a plugin cannot replace.
const EVENT: &str = "event";

/// Members of an object, each as it was written.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The members that a plugin may add to an answer; none if the document is not an object.
pub(super) fn free_fields(json: &JsonLine) -> Members<'_> {
    let mut members = others(json, &OPENAI_MEMBERS);
    members.retain(|(name, _)| *name != EVENT);
    members
}

/// The members that a plugin may add to the message.
pub(super) fn message_fields(json: &JsonLine) -> Members<'_> {
    others(json, &MESSAGE_MEMBERS)
}

/// The members that a plugin may add to the choice.
pub(super) fn choice_fields(json: &JsonLine) -> Members<'_> {
    others(json, &CHOICE_MEMBERS)
}

fn others<'a>(json: &'a JsonLine, reserved: &[&str]) -> Members<'a> {
    let mut members = json.members();
    members.retain(|(name, _)| !reserved.contains(&&**name));
    members
}

/// The members of a tool call beside those of OpenAI; empty if the text is not a JSON object.
pub(super) fn call_fields(json: Option<&str>) -> BTreeMap<String, Box<RawValue>> {
    let Some(json) = json.filter(|json| is_readable(json)) else {
        return BTreeMap::new();
    };
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(json).unwrap_or_default();
    fields.retain(|name, _| !["index", "id", "function"].contains(&name.as_str()));
    fields
}
