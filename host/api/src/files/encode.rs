//! The two forms of an answer over files: text as it is, and events.

use bytes::{BufMut, Bytes, BytesMut};
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::body::answer_stream::Encode;
use crate::error::ApiError;
use crate::wire::json::is_readable;

const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// Text alone.
#[derive(Default)]
pub(super) struct TextWriter {
    buffer: BytesMut,
}

impl Encode for TextWriter {
    fn chunk(&mut self, chunk: &Chunk) {
        if let Chunk::Text(text) = chunk {
            self.buffer.put_slice(text.as_bytes());
        }
    }

    fn end(&mut self) {}

    // A last line for people; a program sees that the body was broken off.
    fn fail(&mut self, failure: Failure) {
        self.buffer.put_slice(b"\nError: ");
        self.buffer.put_slice(failure.message.as_bytes());
        self.buffer.put_slice(b"\n");
    }

    fn len(&self) -> usize {
        self.buffer.len()
    }

    fn take(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    fn keep_alive(&self) -> Option<Bytes> {
        None
    }

    fn tells_failure(&self) -> bool {
        false
    }
}

/// Server-sent events: `text` and `reasoning` with `{"text": …}`, `event` with its type and data,
/// `fields`, and at the end `done` or `error`.
#[derive(Default)]
pub(super) struct EventWriter {
    buffer: BytesMut,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Event<'a> {
    r#type: &'a str,
    data: Document<'a>,
}

/// A plugin's JSON as it is, or what is none as a string.
#[derive(Serialize)]
#[serde(untagged)]
enum Document<'a> {
    Json(Box<RawValue>),
    Text(&'a str),
}

fn document(text: &str) -> Document<'_> {
    if !is_readable(text) {
        return Document::Text(text);
    }
    // JSON has no line ends but between its tokens, and one would end the event.
    let line: String = text.split(['\n', '\r']).collect();
    RawValue::from_string(line).map_or(Document::Text(text), Document::Json)
}

impl EventWriter {
    fn event(&mut self, name: &str, data: &impl Serialize) {
        self.buffer.put_slice(b"event: ");
        self.buffer.put_slice(name.as_bytes());
        self.buffer.put_slice(b"\ndata: ");
        // Memory takes everything, and none of the types here refuses to be written.
        let _ = serde_json::to_writer((&mut self.buffer).writer(), data);
        self.buffer.put_slice(b"\n\n");
    }
}

impl Encode for EventWriter {
    fn chunk(&mut self, chunk: &Chunk) {
        match chunk {
            Chunk::Text(text) => self.event("text", &Text { text }),
            Chunk::Reasoning(text) => self.event("reasoning", &Text { text }),
            Chunk::Event(event) => self.event(
                "event",
                &Event {
                    r#type: &event.kind,
                    data: document(&event.data),
                },
            ),
            Chunk::Fields(fields) => self.event("fields", &document(fields)),
            Chunk::ToolCall(_) | Chunk::Usage(_) | Chunk::Finish(_) => {}
        }
    }

    fn end(&mut self) {
        self.event("done", &serde_json::Map::new());
    }

    fn fail(&mut self, failure: Failure) {
        self.event("error", &ApiError::from(failure).body());
    }

    fn len(&self) -> usize {
        self.buffer.len()
    }

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

#[cfg(test)]
mod tests {
    use hayrick_types::failure::FailureKind;

    use super::*;

    #[test]
    fn events_stay_in_their_frames() {
        let mut writer = EventWriter::default();
        writer.chunk(&Chunk::Text("a\n\ndata: x".to_owned()));
        writer.chunk(&Chunk::Fields("{\n\"a\":1}".to_owned()));
        writer.fail(Failure::new(FailureKind::Failed, "broke\n"));
        let text = String::from_utf8(writer.take().to_vec()).unwrap();
        let frames: Vec<&str> = text.trim_end().split("\n\n").collect();
        assert_eq!(
            frames[..2],
            [
                "event: text\ndata: {\"text\":\"a\\n\\ndata: x\"}",
                "event: fields\ndata: {\"a\":1}"
            ]
        );
        assert!(
            frames.len() == 3 && frames[2].starts_with("event: error\ndata: {\"error\":"),
            "{text}"
        );
    }
}
