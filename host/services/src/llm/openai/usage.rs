//! Token counts as upstreams send them: as numbers, fractions, text or `null`.

use hayrick_types::chunk::Usage;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Reads an object of counts. What cannot be read counts as nothing: an answer stands whatever its
/// upstream says of its price.
pub(crate) fn usage(raw: &RawValue) -> Option<Usage> {
    let mut object: Value = serde_json::from_str(raw.get()).ok()?;
    let of = |field| object.get(field).and_then(count);
    let (input, output) = (of("prompt_tokens"), of("completion_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    Some(Usage {
        input_tokens: input.unwrap_or_default(),
        output_tokens: output.unwrap_or_default(),
        details: object.as_object_mut().and_then(details),
    })
}

/// What the object has besides the counts of the contract.
fn details(object: &mut Map<String, Value>) -> Option<String> {
    let counts = ["prompt_tokens", "completion_tokens", "total_tokens"];
    object.retain(|name, value| !counts.contains(&&**name) && !value.is_null());
    (!object.is_empty()).then(|| Value::Object(std::mem::take(object)).to_string())
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative counts become 0, and no answer has 2^53 tokens"
)]
fn whole(number: f64) -> Option<u64> {
    number.is_finite().then_some(number.max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_in_every_form() {
        let of = |text: &str| usage(serde_json::from_str(text).unwrap());
        let counts = |input_tokens, output_tokens| {
            Some(Usage {
                input_tokens,
                output_tokens,
                details: None,
            })
        };
        let cases = [
            (r#"{"prompt_tokens":3,"completion_tokens":4}"#, counts(3, 4)),
            (
                r#"{"prompt_tokens":null,"completion_tokens":3}"#,
                counts(0, 3),
            ),
            (
                r#"{"prompt_tokens":1.0,"completion_tokens":"3"}"#,
                counts(1, 3),
            ),
            (
                r#"{"prompt_tokens":-1,"completion_tokens":3}"#,
                counts(0, 3),
            ),
            (r#"{"prompt_tokens":null}"#, None),
            ("{}", None),
            ("[]", None),
            ("7", None),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text), expected, "{text}");
        }
        let details = of(
            r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,
                "prompt_tokens_details":{"cached_tokens":2},"cost":0.5,"x":null}"#,
        );
        assert_eq!(
            details.unwrap().details.as_deref(),
            Some(r#"{"cost":0.5,"prompt_tokens_details":{"cached_tokens":2}}"#)
        );
    }
}
