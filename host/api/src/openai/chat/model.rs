//! Finds the pipeline of a long request before the rest of the request is parsed: a client that may
//! not use it, or has mistyped it, costs little.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The value of `model`; `None` if the request has none, or is not valid.
pub(super) fn find(body: &str) -> Option<String> {
    let mut json = serde_json::Deserializer::from_str(body);
    json.deserialize_map(ModelVisitor).ok()?
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Model,
    #[serde(other)]
    Other,
}

struct ModelVisitor;

impl<'de> Visitor<'de> for ModelVisitor {
    type Value = Option<String>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let mut model = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Model => {
                    let value: &RawValue = map.next_value()?;
                    model = serde_json::from_str(value.get()).ok();
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_wherever_it_stands() {
        let found = |body: &str| find(body);
        assert_eq!(
            found(r#"{"messages": [{"model": "no"}], "model": "a\u0062"}"#).as_deref(),
            Some("ab")
        );
        for body in [
            r#"{"messages": []}"#,
            r#"{"model": 7}"#,
            "[",
            r#"{"model": "#,
        ] {
            assert_eq!(found(body), None, "{body}");
        }
    }
}
