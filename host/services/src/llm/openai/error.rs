//! The error object of an upstream, in the forms that OpenAI, Ollama, vLLM and gateways send.

use serde_json::Value;
use serde_json::value::RawValue;

/// The error that an upstream reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    /// An HTTP status, if the object has one.
    pub(crate) code: Option<u16>,
}

/// Reads the body of an error response. A body that is not JSON is the message.
pub(crate) fn of_body(body: &[u8]) -> Complaint {
    match serde_json::from_slice::<Value>(body) {
        Ok(document) => of_document(document.get("error").unwrap_or(&document)),
        Err(_) => Complaint {
            message: String::from_utf8_lossy(body).into_owned(),
            code: None,
        },
    }
}

/// Reads the error object within an answer.
pub(crate) fn of_object(object: &RawValue) -> Complaint {
    serde_json::from_str(object.get())
        .map_or_else(|_| Complaint::default(), |object| of_document(&object))
}

fn of_document(document: &Value) -> Complaint {
    let message = ["message", "detail", "error"]
        .iter()
        .filter_map(|field| document.get(field))
        .find_map(Value::as_str);
    let message = message
        .or(document.as_str())
        .map_or_else(|| document.to_string(), str::to_owned);
    let code = ["code", "status"]
        .iter()
        .filter_map(|field| document.get(field))
        .find_map(code);
    Complaint { message, code }
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
            (r#"{"odd":1}"#, r#"{"odd":1}"#, None),
            ("<html>", "<html>", None),
        ];
        for (body, message, code) in cases {
            assert_eq!(
                of_body(body.as_bytes()),
                Complaint {
                    message: message.to_owned(),
                    code
                },
                "{body}"
            );
        }
    }
}
