//! The two forms of an answer that is text: the text alone, and events.

use axum::http::HeaderValue;
use bytes::{BufMut, Bytes, BytesMut};
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;
use hayrick_types::json_line::JsonLine;

use crate::body::answer_stream::Encode;
use crate::error::ApiError;
use crate::sse;
use crate::wire::json::write;

/// The type of an answer that is text alone.
pub(crate) const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Writes text alone.
pub(crate) struct TextWriter;

impl Encode for TextWriter {
    fn chunk(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        if let Chunk::Text(text) = chunk {
            out.put_slice(text.as_bytes());
        }
    }

    fn end(&mut self, _: &mut BytesMut) {}

    // A last line for people; a program sees that the body was broken off.
    fn fail(&mut self, failure: Failure, out: &mut BytesMut) {
        out.put_slice(b"\nError: ");
        out.put_slice(failure.message.as_bytes());
        out.put_slice(b"\n");
    }

    fn keep_alive(&self) -> Option<Bytes> {
        None
    }

    fn shows_failure(&self) -> bool {
        false
    }
}

/// Writes server-sent events: `text` and `reasoning` with `{"text": …}`, `event` with its type and
/// data, `fields`, and at the end `done` or `error`.
pub(crate) struct EventWriter;

fn write_text(out: &mut BytesMut, name: &str, text: &str) {
    sse::write_event(out, name, |out| {
        out.put_slice(b"{\"text\":");
        write(out, text);
        out.put_slice(b"}");
    });
}

fn write_fields(out: &mut BytesMut, name: &str, fields: &JsonLine) {
    sse::write_event(out, name, |out| {
        out.put_slice(fields.as_str().as_bytes());
    });
}

impl Encode for EventWriter {
    fn chunk(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        match chunk {
            Chunk::Text(text) => write_text(out, "text", text),
            Chunk::Reasoning(text) => write_text(out, "reasoning", text),
            Chunk::Event(event) => sse::write_event(out, "event", |out| {
                out.put_slice(b"{\"type\":");
                write(out, &event.kind);
                out.put_slice(b",\"data\":");
                out.put_slice(event.data.as_str().as_bytes());
                out.put_slice(b"}");
            }),
            Chunk::Fields(fields) => write_fields(out, "fields", fields),
            Chunk::MessageFields(fields) => write_fields(out, "message_fields", fields),
            Chunk::ChoiceFields(fields) => write_fields(out, "choice_fields", fields),
            Chunk::ToolCall(_) | Chunk::Usage(_) | Chunk::Finish(_) => {}
        }
    }

    fn end(&mut self, out: &mut BytesMut) {
        sse::write_event(out, "done", |out| out.put_slice(b"{}"));
    }

    fn fail(&mut self, failure: Failure, out: &mut BytesMut) {
        sse::write_event(out, "error", |out| {
            write(out, &ApiError::from(failure).body());
        });
    }

    fn keep_alive(&self) -> Option<Bytes> {
        Some(sse::KEEP_ALIVE)
    }

    fn shows_failure(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use hayrick_types::chunk::Event;
    use hayrick_types::failure::FailureKind;
    use hayrick_types::json_line::JsonLine;

    use super::*;

    #[test]
    fn each_chunk_stays_in_its_event() {
        let (mut writer, mut out) = (EventWriter, BytesMut::new());
        let event = Event {
            kind: "status".to_owned(),
            data: JsonLine::new("[1,\n2]".to_owned()),
        };
        for chunk in [
            Chunk::Text("a\n\ndata: x".to_owned()),
            Chunk::Fields(JsonLine::new("{\n\"a\":1}".to_owned())),
            Chunk::Event(event),
        ] {
            writer.chunk(&chunk, &mut out);
        }
        writer.fail(Failure::new(FailureKind::Failed, "broke\n"), &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        let events: Vec<&str> = text.trim_end().split("\n\n").collect();
        assert_eq!(
            events[..3],
            [
                "event: text\ndata: {\"text\":\"a\\n\\ndata: x\"}",
                "event: fields\ndata: {\"a\":1}",
                "event: event\ndata: {\"type\":\"status\",\"data\":[1,2]}"
            ]
        );
        assert!(
            events.len() == 4 && events[3].starts_with("event: error\ndata: {\"error\":"),
            "{text}"
        );
    }
}
