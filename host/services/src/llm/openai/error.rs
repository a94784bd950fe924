//! The error object of an upstream, in the forms that OpenAI, Ollama, vLLM and gateways send.

use serde_json::Value;
use serde_json::value::RawValue;

/// The error that an upstream reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    /// An HTTP status, if the object has one.
    pub(crate) code: Option<u16>,
    /// The account has nothing left: asking again is useless.
    pub(crate) exhausted: bool,
}

/// What OpenAI calls errors of an account that has nothing left.
const EXHAUSTED: [&str; 4] = [
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_credits",
];

impl Complaint {
    /// Words without a form.
    pub(crate) fn plain(words: &str) -> Complaint {
        Complaint {
            message: words.trim().to_owned(),
            ..Complaint::default()
        }
    }
}

/// Reads the body of an error response. A body that is not JSON is the message.
pub(crate) fn of_body(body: &[u8]) -> Complaint {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return Complaint {
            message: String::from_utf8_lossy(body).into_owned(),
            ..Complaint::default()
        };
    };
    // Gemini wraps it into a list.
    let document = document.get(0).unwrap_or(&document);
    of_document(document.get("error").unwrap_or(document))
}

/// Reads the error object within an answer.
pub(crate) fn of_object(object: &RawValue) -> Complaint {
    serde_json::from_str(object.get())
        .map_or_else(|_| Complaint::default(), |object| of_document(&object))
}

fn of_document(document: &Value) -> Complaint {
    let message = text(document).map_or_else(|| document.to_string(), str::to_owned);
    let fields = |names: [&'static str; 2]| names.into_iter().filter_map(|it| document.get(it));
    Complaint {
        message,
        code: fields(["code", "status"]).find_map(code),
        exhausted: fields(["code", "type"])
            .filter_map(Value::as_str)
            .any(|name| EXHAUSTED.contains(&name)),
    }
}

/// The words of an error object, however deep they lie.
fn text(document: &Value) -> Option<&str> {
    let fields = ["message", "detail", "error", "msg", "errors"];
    let inner = fields.iter().filter_map(|field| document.get(field));
    document
        .as_str()
        .or_else(|| inner.into_iter().find_map(text))
        .or_else(|| document.get(0).and_then(text))
        .filter(|text| !text.trim().is_empty())
}

/// Some send a number, some a number in quotes, OpenAI mostly a name.
fn code(value: &Value) -> Option<u16> {
    value.as_str().map_or_else(
        || u16::try_from(value.as_u64()?).ok(),
        |text| text.parse().ok(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let cases = [
            (
                r#"{"error":{"message":"m","type":"t","code":"invalid_api_key"}}"#,
                "m",
                None,
            ),
            (r#"{"error":{"message":"m","code":503}}"#, "m", Some(503)),
            (r#"{"error":{"message":"m","code":"429"}}"#, "m", Some(429)),
            (r#"{"error":"m"}"#, "m", None),
            (
                r#"{"object":"error","message":"m","code":400}"#,
                "m",
                Some(400),
            ),
            (r#"{"detail":"m"}"#, "m", None),
            (r#"{"detail":[{"loc":["body"],"msg":"m"}]}"#, "m", None),
            (r#"{"errors":[{"message":"m"}]}"#, "m", None),
            (r#"[{"error":{"code":400,"message":"m"}}]"#, "m", Some(400)),
            (r#"{"odd":1}"#, r#"{"odd":1}"#, None),
            ("<html>", "<html>", None),
        ];
        for (body, message, code) in cases {
            assert_eq!(
                of_body(body.as_bytes()),
                Complaint {
                    message: message.to_owned(),
                    code,
                    exhausted: false,
                },
                "{body}"
            );
        }
    }
}
