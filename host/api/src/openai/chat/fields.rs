//! Fields that a plugin adds to an answer.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::wire::json::is_readable;

/// The fields of OpenAI's own objects, which a plugin cannot replace.
const OPENAI: [&str; 9] = [
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "error",
    "system_fingerprint",
    "service_tier",
];

/// The fields of a JSON object that a plugin may add; empty if the text is not a JSON object.
pub(super) fn free_fields(json: &str) -> BTreeMap<String, Box<RawValue>> {
    if !is_readable(json) {
        return BTreeMap::new();
    }
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(json).unwrap_or_default();
    fields.retain(|name, _| !OPENAI.contains(&name.as_str()) && name != "event");
    fields
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
