//! Fields that a plugin adds to an answer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hayrick_types::chunk::OPENAI_MEMBERS;
use hayrick_types::json_line::{JsonLine, is_readable};
use serde_json::value::RawValue;

/// The place of events, which a plugin cannot replace.
const EVENT: &str = "event";

/// The members that a plugin may add; none if the document is not an object.
pub(super) fn free_fields(json: &JsonLine) -> Vec<(Cow<'_, str>, &RawValue)> {
    let mut members = json.members();
    members.retain(|(name, _)| *name != EVENT && !OPENAI_MEMBERS.contains(&&**name));
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
