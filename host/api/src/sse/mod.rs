//! Server-sent events: the one place where events and the headers of their stream are written.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};

use crate::body::answer_stream;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// A comment that keeps a silent stream open; clients skip it.
pub(crate) const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");
/// The same in the events of a job.
pub(crate) const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// The response whose body is a stream of events.
pub(crate) fn response(body: Body) -> Response {
    answer_stream::response(EVENT_STREAM, body)
}

/// Writes an event without a name. `data` writes one line.
pub(crate) fn write_data(out: &mut BytesMut, data: impl FnOnce(&mut BytesMut)) {
    out.put_slice(b"data: ");
    data(out);
    out.put_slice(b"\n\n");
}

/// Writes an event with a name. `data` writes one line.
pub(crate) fn write_event(out: &mut BytesMut, name: &str, data: impl FnOnce(&mut BytesMut)) {
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\n");
    write_data(out, data);
}

/// Writes an event with an id, which a client that reconnects sends back as `Last-Event-ID`.
pub(crate) fn write_event_with_id(
    out: &mut BytesMut,
    id: u64,
    name: &str,
    data: impl FnOnce(&mut BytesMut),
) {
    out.put_slice(format!("id: {id}\n").as_bytes());
    write_event(out, name, data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_an_id_a_name_and_data() {
        let mut out = BytesMut::new();
        write_data(&mut out, |out| out.put_slice(b"1"));
        write_event(&mut out, "text", |out| out.put_slice(b"2"));
        write_event_with_id(&mut out, 7, "done", |out| out.put_slice(b"3"));
        assert_eq!(
            out,
            "data: 1\n\nevent: text\ndata: 2\n\nid: 7\nevent: done\ndata: 3\n\n"
        );
    }
}
