//! Reads a chat request: what the runtime gets, and how the client wants its answer.

use hayrick_types::message::Message;
use hayrick_types::request::ChatRequest;
use serde::de::Deserializer;
use serde_json::error::Category;

use super::wire::{Fields, FieldsVisitor};
use crate::body::depth;
use crate::error::ApiError;

/// A chat request that can run.
#[derive(Debug)]
pub(super) struct ParsedRequest {
    pub(super) chat: ChatRequest,
    pub(super) delivery: Delivery,
}

/// How the client wants its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Stream(StreamOptions),
}

/// What a stream contains besides the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamOptions {
    /// `stream_options.include_usage`: one more chunk, with the usage.
    pub(super) usage: bool,
    /// Whether to send events for Open WebUI; a client turns them off with `"events": false`.
    pub(super) events: bool,
}

/// Reads the body, which the plugin gets unchanged.
///
/// # Errors
/// The body is not JSON, or a field that the host reads is missing or wrong; the error names the
/// field and the place.
pub(super) fn parse(
    body: String,
    headers: Vec<(String, String)>,
    depth_max: usize,
) -> Result<ParsedRequest, ApiError> {
    depth::check(&body, depth_max)?;
    let fields = fields(&body)?;
    let model = fields
        .model
        .filter(|model| !model.is_empty())
        .ok_or_else(|| {
            ApiError::invalid(
                "'model' is missing: set it to the name of a pipeline; GET /v1/models lists them",
                Some("model"),
            )
        })?;
    let messages = fields
        .messages
        .filter(|messages: &Vec<Message>| !messages.is_empty())
        .ok_or_else(|| {
            ApiError::invalid(
                "'messages' is missing or empty: send at least one message with a role and content",
                Some("messages"),
            )
        })?;
    if let Some(n) = fields.n.filter(|n| !n.is_one()) {
        return Err(ApiError::invalid(
            format!("'n' is {n}, but a pipeline gives one answer: send 1, or leave it out"),
            Some("n"),
        ));
    }
    let options = StreamOptions {
        usage: fields.include_usage.unwrap_or(false),
        events: fields.events.unwrap_or(true),
    };
    let delivery = if fields.stream.unwrap_or(false) {
        Delivery::Stream(options)
    } else {
        Delivery::Whole
    };
    Ok(ParsedRequest {
        chat: ChatRequest {
            model,
            messages,
            body,
            headers,
        },
        delivery,
    })
}

fn fields(body: &str) -> Result<Fields, ApiError> {
    let mut reading = None;
    let mut json = serde_json::Deserializer::from_str(body);
    let read = json
        .deserialize_map(FieldsVisitor {
            reading: &mut reading,
        })
        .and_then(|fields| json.end().map(|()| fields));
    read.map_err(|error| match (error.classify(), reading) {
        (Category::Data, Some(field)) => {
            ApiError::invalid(format!("'{field}' is wrong: {error}"), Some(field))
        }
        (Category::Data, None) => ApiError::invalid(format!("the body is wrong: {error}"), None),
        // The body goes on, so the mistake is in this field.
        (Category::Syntax, Some(field)) => ApiError::invalid(
            format!("'{field}' is not valid JSON: {}", syntax(&error)),
            Some(field),
        ),
        _ => ApiError::invalid(format!("the body is not valid JSON: {error}"), None),
    })
}

/// What the parser says; it has its own words for half a character.
fn syntax(error: &serde_json::Error) -> String {
    let said = error.to_string();
    if said.contains("hex escape") || said.contains("surrogate") {
        format!("a \\u escape is half a character, a surrogate without its pair ({said})")
    } else {
        said
    }
}

#[cfg(test)]
mod tests {
    use hayrick_types::message::{Part, Role, ToolCall};

    use super::*;

    fn read(body: &str) -> Result<ParsedRequest, ApiError> {
        parse(body.to_owned(), Vec::new(), 128)
    }

    fn message(json: &str) -> Message {
        read(&format!(r#"{{"model": "m", "messages": [{json}]}}"#))
            .unwrap()
            .chat
            .messages
            .remove(0)
    }

    #[test]
    fn the_body_stays_as_it_came() {
        let body = r#" {"temperature": 0.1, "messages": [{"role":"user","content":"hi"}], "model":"m", "mine": {"a": [1, null]}} "#;
        let request = read(body).unwrap();
        assert_eq!(
            (request.chat.body.as_str(), request.chat.model.as_str()),
            (body, "m")
        );
        assert_eq!(request.chat.messages, [Message::text(Role::User, "hi")]);
    }

    #[test]
    fn content_is_text_or_parts_or_nothing() {
        let cases = [
            (r#""hi \u00e4""#, vec![Part::Text("hi ä".to_owned())]),
            ("null", vec![]),
            ("[]", vec![]),
            (
                r#"[{"type":"text","text":"a\n"}]"#,
                vec![Part::Text("a\n".to_owned())],
            ),
            (
                r#"[{"image_url":{"url":"data:x","detail":"low"},"type":"image_url"}]"#,
                vec![
                    Part::ImageUrl("data:x".to_owned())
                        .with(Some(r#"{"image_url":{"detail":"low"}}"#.to_owned())),
                ],
            ),
            (
                r#"[{"type": "input_audio", "text": 1}]"#,
                vec![Part::Other(
                    r#"{"type": "input_audio", "text": 1}"#.to_owned(),
                )],
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(
                message(&format!(r#"{{"role":"user","content":{json}}}"#)).content,
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn tools_and_names_are_kept() {
        let call = r#"{"role":"assistant","name":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
        let expected = ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
            fields: None,
        };
        assert_eq!(message(call).tool_calls, [expected]);
        let result = message(r#"{"role":"tool","name":"n","tool_call_id":"c","content":"42"}"#);
        assert_eq!(
            (
                result.role,
                result.name.as_deref(),
                result.tool_call_id.as_deref()
            ),
            (Role::Tool, Some("n"), Some("c"))
        );
    }

    #[test]
    fn the_client_chooses_the_delivery() {
        let stream = |usage, events| Delivery::Stream(StreamOptions { usage, events });
        let cases = [
            ("", Delivery::Whole),
            (r#","stream":null"#, Delivery::Whole),
            (r#","stream":true"#, stream(false, true)),
            (
                r#","stream":true,"stream_options":null,"events":false"#,
                stream(false, false),
            ),
            (
                r#","stream_options":{"include_usage":true,"x":1},"stream":true"#,
                stream(true, true),
            ),
        ];
        for (more, expected) in cases {
            let body =
                format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{more}}}"#);
            assert_eq!(read(&body).unwrap().delivery, expected, "{more}");
        }
    }

    /// Bodies with the `param` and a part of the message of their error.
    fn are_refused(cases: &[(String, Option<&str>, &str)]) {
        for (body, param, expected) in cases {
            let error = serde_json::to_value(read(body).unwrap_err().body()).unwrap();
            assert_eq!(error["error"]["param"].as_str(), *param, "{body}: {error}");
            assert!(
                error["error"]["message"]
                    .as_str()
                    .unwrap()
                    .contains(expected),
                "{body}: {error}"
            );
        }
    }

    #[test]
    fn errors_name_the_field_and_the_place() {
        let deep = |levels: usize| {
            format!(
                r#"{{"model":"m","x":{}{}}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            )
        };
        let cases = [
            (
                r#"{"model": "#.to_owned(),
                None,
                "not valid JSON: EOF while parsing a value at line 1 column 10",
            ),
            (
                "{} x".to_owned(),
                None,
                "trailing characters at line 1 column 4",
            ),
            ("\"hi\"".to_owned(), None, "expected a JSON object"),
            (r#"["m",[]]"#.to_owned(), None, "expected a JSON object"),
            (
                r#"{"messages":[]}"#.to_owned(),
                Some("model"),
                "'model' is missing",
            ),
            (
                r#"{"model":""}"#.to_owned(),
                Some("model"),
                "'model' is missing",
            ),
            (
                r#"{"model":7}"#.to_owned(),
                Some("model"),
                "invalid type: integer `7`, expected a string at line 1 column 10",
            ),
            (
                r#"{"model":"m"}"#.to_owned(),
                Some("messages"),
                "'messages' is missing",
            ),
            (
                r#"{"stream":"yes"}"#.to_owned(),
                Some("stream"),
                "expected a boolean",
            ),
            (
                r#"{"stream_options":[]}"#.to_owned(),
                Some("stream_options"),
                "",
            ),
            (
                deep(128),
                Some("json_depth_max"),
                "128 levels (json_depth_max)",
            ),
            (deep(127), Some("messages"), "missing"),
        ];
        are_refused(&cases);
    }

    #[test]
    fn errors_name_the_mistake_in_a_message() {
        let of = |messages: &str| format!(r#"{{"model":"m","messages":{messages}}}"#);
        let cases = [
            (of("[]"), Some("messages"), "or empty"),
            (of("\"hi\""), Some("messages"), "expected a sequence"),
            (
                of(r#"[{"content":"hi"}]"#),
                Some("messages"),
                "missing field `role`",
            ),
            (
                of(r#"[{"role":"bot","content":"hi"}]"#),
                Some("messages"),
                "the role 'bot' is unknown",
            ),
            (
                of(r#"[{"role":"user","content":7}]"#),
                Some("messages"),
                "expected text, a list of parts, or null",
            ),
            (
                of(r#"[{"role":"user","content":[7]}]"#),
                Some("messages"),
                "must be an object with a 'type'",
            ),
            (
                of(r#"[{"role":"user","content":[{"type":"text"}]}]"#),
                Some("messages"),
                "'text'",
            ),
            (
                of(r#"[{"role":"user","content":[{"type":"image_url","image_url":7}]}]"#),
                Some("messages"),
                "'image_url.url'",
            ),
        ];
        are_refused(&cases);
    }
}
