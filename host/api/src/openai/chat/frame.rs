//! Writes chunks as the frames of OpenAI's stream, by hand: every token makes a frame.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use hayrick_types::chunk::{Chunk, Event, ToolCallDelta};
use hayrick_types::failure::Failure;
use hayrick_types::json_line::JsonLine;
use serde::Serialize;
use serde_json::value::RawValue;

use super::fields::{Members, call_fields, choice_fields, free_fields, message_fields};
use super::request::StreamOptions;
use super::summary::{Identity, Summary};
use crate::body::answer_stream::Encode;
use crate::error::ApiError;
use crate::sse;
use crate::wire::json::write;

/// What a frame has beside its head, its tail and its text.
const FRAME_BYTES: usize = 128;
/// A choice that adds nothing: events and fields of a plugin stand beside it.
const EMPTY_CHOICE: &[u8] = b"[{\"index\":0,\"delta\":{},\"finish_reason\":null}]";

/// Writes the frames of one answer.
pub(super) struct FrameWriter {
    /// From the beginning to the value of `choices`, the same in every frame.
    head: Vec<u8>,
    /// From the end of `choices` to the end of the frame.
    tail: &'static [u8],
    options: StreamOptions,
    summary: Summary,
}

/// A piece of a tool call on the wire; later pieces do not repeat what the first one had.
#[derive(Serialize)]
struct CallFields<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionFields<'a>>,
    #[serde(flatten)]
    others: BTreeMap<String, Box<RawValue>>,
}

#[derive(Serialize)]
struct FunctionFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl FrameWriter {
    /// Writes the frames of an answer that begins.
    pub(super) fn new(identity: &Identity, options: StreamOptions) -> FrameWriter {
        FrameWriter {
            head: head(identity),
            tail: if options.usage {
                b",\"usage\":null}"
            } else {
                b"}"
            },
            options,
            summary: Summary::default(),
        }
    }

    fn text(&self, out: &mut BytesMut, name: &[u8], text: &str) {
        if !text.is_empty() {
            out.reserve(self.head.len() + text.len() + FRAME_BYTES);
            self.delta(out, |out| {
                out.put_slice(name);
                write(out, text);
            });
        }
    }

    fn tool_call(&self, out: &mut BytesMut, call: &ToolCallDelta) {
        let others = call_fields(call.fields.as_deref());
        // A call of another type has its type and its members there.
        let is_function = !others.contains_key("type");
        let kind = (is_function && call.id.is_some()).then_some("function");
        let function = FunctionFields {
            name: call.name.as_deref(),
            arguments: &call.arguments,
        };
        let fields = CallFields {
            index: call.index,
            id: call.id.as_deref(),
            kind,
            function: is_function.then_some(function),
            others,
        };
        self.delta(out, |out| {
            out.put_slice(b"\"tool_calls\":");
            write(out, &[fields]);
        });
    }

    /// Open WebUI finds the event beside an empty choice; other clients do not notice it.
    fn event(&self, out: &mut BytesMut, event: &Event) {
        self.frame(out, |out| {
            out.put_slice(EMPTY_CHOICE);
            out.put_slice(b",\"event\":{\"type\":");
            write(out, &event.kind);
            out.put_slice(b",\"data\":");
            out.put_slice(event.data.as_str().as_bytes());
            out.put_slice(b"}");
        });
    }

    fn fields(&self, out: &mut BytesMut, json: &JsonLine) {
        let fields = free_fields(json);
        if !fields.is_empty() {
            self.frame(out, |out| {
                out.put_slice(EMPTY_CHOICE);
                out.put_slice(b",");
                write_members(out, &fields);
            });
        }
    }

    fn message_fields(&self, out: &mut BytesMut, json: &JsonLine) {
        let fields = message_fields(json);
        if !fields.is_empty() {
            self.delta(out, |out| write_members(out, &fields));
        }
    }

    fn choice_fields(&self, out: &mut BytesMut, json: &JsonLine) {
        let fields = choice_fields(json);
        if !fields.is_empty() {
            self.frame(out, |out| {
                out.put_slice(b"[{\"index\":0,\"delta\":{},");
                write_members(out, &fields);
                out.put_slice(b",\"finish_reason\":null}]");
            });
        }
    }

    fn delta(&self, out: &mut BytesMut, delta: impl FnOnce(&mut BytesMut)) {
        self.frame(out, |out| {
            out.put_slice(b"[{\"index\":0,\"delta\":{");
            delta(out);
            out.put_slice(b"},\"finish_reason\":null}]");
        });
    }

    /// A frame; `choices` writes the choices and what follows them.
    fn frame(&self, out: &mut BytesMut, choices: impl FnOnce(&mut BytesMut)) {
        self.frame_with_tail(out, self.tail, choices);
    }

    fn frame_with_tail(
        &self,
        out: &mut BytesMut,
        tail: &[u8],
        choices: impl FnOnce(&mut BytesMut),
    ) {
        sse::write_data(out, |out| {
            out.put_slice(&self.head);
            choices(out);
            out.put_slice(tail);
        });
    }
}

impl Encode for FrameWriter {
    // The first frame names the role.
    fn begin(&mut self, out: &mut BytesMut) {
        self.delta(out, |out| {
            out.put_slice(b"\"role\":\"assistant\",\"content\":\"\"");
        });
    }

    // Usage and the reason for the end wait for the last frames.
    fn chunk(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        self.summary.note(chunk);
        match chunk {
            Chunk::Text(text) => self.text(out, b"\"content\":", text),
            Chunk::Reasoning(text) => self.text(out, b"\"reasoning_content\":", text),
            Chunk::ToolCall(call) => self.tool_call(out, call),
            Chunk::Event(event) if self.options.events => self.event(out, event),
            Chunk::Fields(fields) => self.fields(out, fields),
            Chunk::MessageFields(fields) => self.message_fields(out, fields),
            Chunk::ChoiceFields(fields) => self.choice_fields(out, fields),
            Chunk::Event(_) | Chunk::Usage(_) | Chunk::Finish(_) => {}
        }
    }

    // The reason, the usage if the client asked for it, and `[DONE]`.
    fn end(&mut self, out: &mut BytesMut) {
        let finish = self.summary.finish();
        self.frame(out, |out| {
            out.put_slice(b"[{\"index\":0,\"delta\":{},\"finish_reason\":\"");
            out.put_slice(finish.as_bytes());
            out.put_slice(b"\"}]");
        });
        if self.options.usage {
            // The tail of every other frame has `"usage":null`.
            self.frame_with_tail(out, b"}", |out| {
                out.put_slice(b"[],\"usage\":");
                write(out, &self.summary.usage());
            });
        }
        sse::write_data(out, |out| out.put_slice(b"[DONE]"));
    }

    // Without `[DONE]`, which would call the answer complete. The clients of OpenAI raise what is
    // in `error`.
    fn fail(&mut self, failure: Failure, out: &mut BytesMut) {
        sse::write_data(out, |out| write(out, &ApiError::from(failure).body()));
    }

    fn keep_alive(&self) -> Option<Bytes> {
        Some(sse::KEEP_ALIVE)
    }

    fn shows_failure(&self) -> bool {
        true
    }
}

fn write_members(out: &mut BytesMut, members: &Members<'_>) {
    for (place, (name, value)) in members.iter().enumerate() {
        if place > 0 {
            out.put_slice(b",");
        }
        write(out, name);
        out.put_slice(b":");
        out.put_slice(value.get().as_bytes());
    }
}

fn head(identity: &Identity) -> Vec<u8> {
    let mut head = BytesMut::from("{\"id\":");
    write(&mut head, &identity.id);
    head.put_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
    write(&mut head, &identity.created);
    head.put_slice(b",\"model\":");
    write(&mut head, &identity.model);
    head.put_slice(b",\"choices\":");
    head.to_vec()
}

#[cfg(test)]
mod tests {
    use hayrick_types::chunk::{FinishReason, Usage};
    use hayrick_types::failure::FailureKind;

    use super::*;

    const PLAIN: StreamOptions = StreamOptions {
        usage: false,
        events: true,
    };

    /// The frames of `chunks` with what is the same in all of them taken off.
    fn frames(
        options: StreamOptions,
        chunks: &[Chunk],
        finish: impl FnOnce(&mut FrameWriter, &mut BytesMut),
    ) -> Vec<String> {
        let identity = Identity {
            id: "chatcmpl-1".to_owned(),
            created: 7,
            model: "m\"".to_owned(),
        };
        let mut writer = FrameWriter::new(&identity, options);
        let mut out = BytesMut::new();
        writer.begin(&mut out);
        chunks
            .iter()
            .for_each(|chunk| writer.chunk(chunk, &mut out));
        finish(&mut writer, &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        let head = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m\"","choices":"#;
        let frame = |frame: &str| {
            let data = frame
                .strip_prefix("data: ")
                .unwrap_or_else(|| panic!("not a frame: {frame:?}"));
            assert!(
                data == "[DONE]" || serde_json::from_str::<serde_json::Value>(data).is_ok(),
                "not JSON: {data}"
            );
            data.strip_prefix(head).unwrap_or(data).to_owned()
        };
        text.strip_suffix("\n\n")
            .unwrap()
            .split("\n\n")
            .map(frame)
            .collect()
    }

    fn delta(text: &str) -> String {
        format!(r#"[{{"index":0,"delta":{{{text}}},"finish_reason":null}}]}}"#)
    }

    #[test]
    fn each_chunk_has_its_frame() {
        let call = |id: Option<&str>, name: Option<&str>| {
            let (id, name) = (id.map(str::to_owned), name.map(str::to_owned));
            Chunk::ToolCall(ToolCallDelta {
                index: 2,
                id,
                name,
                arguments: "{".to_owned(),
                fields: None,
            })
        };
        let fields =
            |chunk: fn(JsonLine) -> Chunk, json: &str| chunk(JsonLine::new(json.to_owned()));
        let cases = [
            (
                Chunk::Text("a\"\n\u{1f33e}\u{2028}".to_owned()),
                "\"content\":\"a\\\"\\n\u{1f33e}\u{2028}\"",
            ),
            (
                Chunk::Reasoning("hm".to_owned()),
                r#""reasoning_content":"hm""#,
            ),
            (
                call(Some("c"), Some("f")),
                r#""tool_calls":[{"index":2,"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]"#,
            ),
            (
                call(None, None),
                r#""tool_calls":[{"index":2,"function":{"arguments":"{"}}]"#,
            ),
            (
                fields(
                    Chunk::MessageFields,
                    r#"{"content": "x", "images": [1], "a": 2}"#,
                ),
                r#""images":[1],"a":2"#,
            ),
        ];
        for (chunk, expected) in cases {
            let frames = frames(PLAIN, std::slice::from_ref(&chunk), |_, _| {});
            assert_eq!(
                frames,
                [delta(r#""role":"assistant","content":"""#), delta(expected)],
                "{chunk:?}"
            );
        }
    }

    #[test]
    fn fields_of_the_choice_stand_beside_an_empty_delta() {
        let choice = |json: &str| Chunk::ChoiceFields(JsonLine::new(json.to_owned()));
        let frames = frames(
            PLAIN,
            &[
                choice(r#"{"index": 7, "finish_reason": "stop", "logprobs": {"content": []}}"#),
                choice(r#"{"delta": {}}"#),
            ],
            |_, _| {},
        );
        let expected =
            r#"[{"index":0,"delta":{},"logprobs":{"content": []},"finish_reason":null}]}"#;
        assert_eq!(frames[1..], [expected]);
    }

    #[test]
    fn the_end_has_the_reason_the_usage_and_done() {
        let chunks = [
            Chunk::Finish(FinishReason::Length),
            Chunk::Usage(Usage {
                input_tokens: 1,
                output_tokens: 2,
                details: None,
            }),
            Chunk::Text(String::new()),
        ];
        let plain = frames(PLAIN, &chunks, FrameWriter::end);
        assert_eq!(
            plain[1..],
            [
                r#"[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
                "[DONE]"
            ]
        );
        let with_usage = frames(
            StreamOptions {
                usage: true,
                ..PLAIN
            },
            &chunks,
            FrameWriter::end,
        );
        assert!(
            with_usage[0].ends_with(r#"],"usage":null}"#),
            "{with_usage:?}"
        );
        let finish = r#"[{"index":0,"delta":{},"finish_reason":"length"}],"usage":null}"#;
        let usage = r#"[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
        assert_eq!(with_usage[1..], [finish, usage, "[DONE]"]);
    }

    #[test]
    fn a_failure_ends_the_answer_without_done() {
        let frames = frames(PLAIN, &[], |writer, out| {
            writer.fail(Failure::new(FailureKind::Failed, "broke\n"), out)
        });
        assert_eq!(
            frames[1..],
            [r#"{"error":{"message":"broke\n","type":"server_error","param":null,"code":null}}"#]
        );
    }

    #[test]
    fn fields_of_a_plugin_never_replace_those_of_openai() {
        let cases = [
            (
                r#"{"job_id": "j", "n": [1,
2]}"#,
                Some(r#","job_id":"j","n":[1,2]"#),
            ),
            (
                r#"{"id": "forged", "choices": [], "mine": null}"#,
                Some(r#","mine":null"#),
            ),
            (r#"{"id": "forged"}"#, None),
            ("no json", None),
            ("[1]", None),
        ];
        for (json, expected) in cases {
            let json = json.replace("\\n", "\n");
            let frames = frames(
                PLAIN,
                &[Chunk::Fields(JsonLine::new(json.clone()))],
                |_, _| {},
            );
            let expected = expected.map(|fields| {
                format!(r#"[{{"index":0,"delta":{{}},"finish_reason":null}}]{fields}}}"#)
            });
            assert_eq!(frames[1..], Vec::from_iter(expected), "{json}");
        }
    }

    #[test]
    fn an_event_never_leaves_its_frame() {
        let cases = [
            (r#"{"done":true}"#, r#"{"done":true}"#),
            ("{\n\"a\":\r\n1}", r#"{"a":1}"#),
            ("not json\n\ndata: x", r#""not json\n\ndata: x""#),
            ("1\n\n2", r#""1\n\n2""#),
            ("", r#""""#),
        ];
        for (data, expected) in cases {
            let event = Chunk::Event(Event {
                kind: "sta\"tus".to_owned(),
                data: JsonLine::new(data.to_owned()),
            });
            let with = frames(PLAIN, std::slice::from_ref(&event), |_, _| {});
            let expected = format!(
                r#"[{{"index":0,"delta":{{}},"finish_reason":null}}],"event":{{"type":"sta\"tus","data":{expected}}}}}"#
            );
            assert_eq!(with[1..], [expected], "{data:?}");
            assert_eq!(
                frames(
                    StreamOptions {
                        events: false,
                        ..PLAIN
                    },
                    &[event],
                    |_, _| {}
                )
                .len(),
                1
            );
        }
    }
}
