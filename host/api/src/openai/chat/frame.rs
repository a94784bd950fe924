//! Writes chunks as the frames of OpenAI's stream, by hand: a frame is made for every token.

use std::mem;

use bytes::{BufMut, Bytes, BytesMut};
use hayrick_types::chunk::{Chunk, Event, ToolCallDelta};
use hayrick_types::failure::Failure;
use serde::Serialize;

use super::fields::free_fields;
use super::request::StreamOptions;
use super::summary::{Identity, Summary};
use crate::answer_stream::Encode;
use crate::error::ApiError;
use crate::json::is_readable;

/// Bytes set aside for the first frames; the buffer grows with what is in it.
const BUFFER_BYTES: usize = 4096;
/// What a frame has beside its head, its tail and its text.
const FRAME_BYTES: usize = 128;
const DONE: &[u8] = b"data: [DONE]\n\n";
/// A comment, which clients pass over.
const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// The frames of one answer, those that are not taken yet in a buffer.
pub(super) struct FrameWriter {
    /// From `data:` to the value of `choices`, the same in every frame.
    head: Vec<u8>,
    /// From the end of `choices` to the end of the frame.
    tail: &'static [u8],
    options: StreamOptions,
    summary: Summary,
    buffer: BytesMut,
}

/// A piece of a tool call on the wire: what is known with the first piece is not repeated.
#[derive(Serialize)]
struct CallFields<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionFields<'a>,
}

#[derive(Serialize)]
struct FunctionFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl FrameWriter {
    /// The frames of an answer that begins; the first one, which tells the role, is in the buffer.
    pub(super) fn new(identity: &Identity, options: StreamOptions) -> FrameWriter {
        let tail: &[u8] = if options.usage {
            b",\"usage\":null}\n\n"
        } else {
            b"}\n\n"
        };
        let buffer = BytesMut::with_capacity(BUFFER_BYTES);
        let mut frames = FrameWriter {
            head: head(identity),
            tail,
            options,
            summary: Summary::default(),
            buffer,
        };
        frames.delta(|delta| delta.put_slice(b"\"role\":\"assistant\",\"content\":\"\""));
        frames
    }

    fn text(&mut self, name: &[u8], text: &str) {
        if !text.is_empty() {
            self.buffer
                .reserve(self.head.len() + text.len() + FRAME_BYTES);
            self.delta(|delta| {
                delta.put_slice(name);
                json(delta, text);
            });
        }
    }

    fn tool_call(&mut self, call: &ToolCallDelta) {
        let kind = call.id.is_some().then_some("function");
        let function = FunctionFields {
            name: call.name.as_deref(),
            arguments: &call.arguments,
        };
        self.delta(|delta| {
            delta.put_slice(b"\"tool_calls\":");
            json(
                delta,
                &[CallFields {
                    index: call.index,
                    id: call.id.as_deref(),
                    kind,
                    function,
                }],
            );
        });
    }

    /// An event stands beside a choice that adds nothing: Open WebUI finds it, and a client that
    /// knows no events is not troubled.
    fn event(&mut self, event: &Event) {
        self.frame(
            b"[{\"index\":0,\"delta\":{},\"finish_reason\":null}],\"event\":{\"type\":",
            |buffer| {
                json(buffer, &event.kind);
                buffer.put_slice(b",\"data\":");
                document(buffer, &event.data);
                buffer.put_slice(b"}");
            },
        );
    }

    /// A plugin's own fields stand beside a choice that adds nothing.
    fn fields(&mut self, json: &str) {
        let fields = free_fields(json);
        if !fields.is_empty() {
            self.frame(
                b"[{\"index\":0,\"delta\":{},\"finish_reason\":null}]",
                |buffer| {
                    for (name, value) in &fields {
                        buffer.put_slice(b",");
                        self::json(buffer, name);
                        buffer.put_slice(b":");
                        document(buffer, value.get());
                    }
                },
            );
        }
    }

    fn delta(&mut self, write: impl FnOnce(&mut BytesMut)) {
        self.frame(b"[{\"index\":0,\"delta\":{", |buffer| {
            write(buffer);
            buffer.put_slice(b"},\"finish_reason\":null}]");
        });
    }

    fn frame(&mut self, choices: &[u8], write: impl FnOnce(&mut BytesMut)) {
        self.buffer.put_slice(&self.head);
        self.buffer.put_slice(choices);
        write(&mut self.buffer);
        self.buffer.put_slice(self.tail);
    }
}

impl Encode for FrameWriter {
    // What belongs to the end of the answer is kept until then.
    fn chunk(&mut self, chunk: &Chunk) {
        self.summary.note(chunk);
        match chunk {
            Chunk::Text(text) => self.text(b"\"content\":", text),
            Chunk::Reasoning(text) => self.text(b"\"reasoning_content\":", text),
            Chunk::ToolCall(call) => self.tool_call(call),
            Chunk::Event(event) if self.options.events => self.event(event),
            Chunk::Fields(fields) => self.fields(fields),
            Chunk::Event(_) | Chunk::Usage(_) | Chunk::Finish(_) => {}
        }
    }

    // The reason, the usage if it was asked for, and `[DONE]`.
    fn end(&mut self) {
        let finish = self.summary.finish();
        self.frame(
            b"[{\"index\":0,\"delta\":{},\"finish_reason\":\"",
            |buffer| {
                buffer.put_slice(finish.as_bytes());
                buffer.put_slice(b"\"}]");
            },
        );
        if self.options.usage {
            let usage = self.summary.usage();
            // The one frame whose usage is not null, so it has an end of its own.
            let tail = mem::replace(&mut self.tail, b"}\n\n");
            self.frame(b"[],\"usage\":", |buffer| json(buffer, &usage));
            self.tail = tail;
        }
        self.buffer.put_slice(DONE);
    }

    // Without `[DONE]`, which would call the answer whole. OpenAI's own clients raise what is in
    // `error`.
    fn fail(&mut self, failure: Failure) {
        self.buffer.put_slice(b"data: ");
        json(&mut self.buffer, &ApiError::from(failure).body());
        self.buffer.put_slice(b"\n\n");
    }

    fn len(&self) -> usize {
        self.buffer.len()
    }

    // The buffer's memory is used again once the frames are sent.
    fn take(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    fn keep_alive(&self) -> Option<Bytes> {
        Some(KEEP_ALIVE)
    }

    fn tells_failure(&self) -> bool {
        true
    }
}

fn head(identity: &Identity) -> Vec<u8> {
    let mut head = BytesMut::from("data: {\"id\":");
    json(&mut head, &identity.id);
    head.put_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
    json(&mut head, &identity.created);
    head.put_slice(b",\"model\":");
    json(&mut head, &identity.model);
    head.put_slice(b",\"choices\":");
    head.to_vec()
}

fn json(buffer: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    // Memory takes everything, and none of the types here refuses to be written.
    let _ = serde_json::to_writer(buffer.writer(), value);
}

/// Writes a plugin's JSON as it is; on one line, since a line's end ends the frame. What is no JSON
/// becomes a string.
fn document(buffer: &mut BytesMut, text: &str) {
    if !is_readable(text) {
        return json(buffer, text);
    }
    // JSON has no line ends but between its tokens.
    text.split(['\n', '\r'])
        .for_each(|line| buffer.put_slice(line.as_bytes()));
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
        finish: impl FnOnce(&mut FrameWriter),
    ) -> Vec<String> {
        let identity = Identity {
            id: "chatcmpl-1".to_owned(),
            created: 7,
            model: "m\"".to_owned(),
        };
        let mut writer = FrameWriter::new(&identity, options);
        chunks.iter().for_each(|chunk| writer.chunk(chunk));
        finish(&mut writer);
        let text = String::from_utf8(writer.take().to_vec()).unwrap();
        let head = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m\"","choices":"#;
        let frame = |frame: &str| {
            let data = frame
                .strip_prefix("data: ")
                .unwrap_or_else(|| panic!("no frame: {frame:?}"));
            assert!(
                data == "[DONE]" || serde_json::from_str::<serde_json::Value>(data).is_ok(),
                "no JSON: {data}"
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
            })
        };
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
        ];
        for (chunk, expected) in cases {
            let frames = frames(PLAIN, std::slice::from_ref(&chunk), |_| {});
            assert_eq!(
                frames,
                [delta(r#""role":"assistant","content":"""#), delta(expected)],
                "{chunk:?}"
            );
        }
    }

    #[test]
    fn the_end_has_reason_usage_and_done() {
        let chunks = [
            Chunk::Finish(FinishReason::Length),
            Chunk::Usage(Usage {
                input_tokens: 1,
                output_tokens: 2,
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
        let frames = frames(PLAIN, &[], |writer| {
            writer.fail(Failure::new(FailureKind::Failed, "broke\n"))
        });
        assert_eq!(
            frames[1..],
            [r#"{"error":{"message":"broke\n","type":"server_error","param":null,"code":null}}"#]
        );
    }

    #[test]
    fn fields_of_a_plugin_are_added_to_those_of_openai_and_never_replace_them() {
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
            let frames = frames(PLAIN, &[Chunk::Fields(json.clone())], |_| {});
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
                data: data.to_owned(),
            });
            let with = frames(PLAIN, std::slice::from_ref(&event), |_| {});
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
                    |_| {}
                )
                .len(),
                1
            );
        }
    }
}
