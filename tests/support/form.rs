//! Upload forms as a browser sends them, and the two kinds of answers.

use serde_json::Value;

use super::client::{Client, Reply};

const BOUNDARY: &str = "hay";

/// A form under construction.
#[derive(Clone, Default)]
pub struct Form {
    parts: Vec<u8>,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: String,
    pub data: Value,
}

/// The header `content-type` of a form.
pub fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

impl Form {
    /// Adds a file.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Form {
        let disposition =
            format!("form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: text/plain");
        self.part(&disposition, content.as_ref())
    }

    /// Adds a field.
    pub fn field(self, name: &str, content: &str) -> Form {
        self.part(&format!("form-data; name=\"{name}\""), content.as_bytes())
    }

    fn part(mut self, disposition: &str, content: &[u8]) -> Form {
        self.parts.extend(
            format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n").into_bytes(),
        );
        self.parts.extend(content);
        self.parts.extend(b"\r\n");
        self
    }

    /// The parts of the form, without its end.
    pub fn open(self) -> Vec<u8> {
        self.parts
    }

    /// The whole form.
    pub fn closed(self) -> Vec<u8> {
        let mut form = self.parts;
        form.extend(end().into_bytes());
        form
    }
}

/// The end of a form.
pub fn end() -> String {
    format!("--{BOUNDARY}--\r\n")
}

/// Sends a form and reads the answer as text.
pub async fn upload(client: &Client, pipeline: &str, form: Form) -> Reply {
    send(client, pipeline, "*/*", form).await
}

/// Sends a form and reads the answer as events.
///
/// # Panics
/// The answer is not a stream of events.
pub async fn upload_for_events(client: &Client, pipeline: &str, form: Form) -> Vec<Event> {
    events_of(&send(client, pipeline, "text/event-stream", form).await)
}

/// The events of an answer.
///
/// # Panics
/// It is not a stream of events.
pub fn events_of(reply: &Reply) -> Vec<Event> {
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream; charset=utf-8"),
        "{}",
        reply.body
    );
    // A comment only keeps the connection alive.
    reply
        .body
        .split_terminator("\n\n")
        .filter(|event| !event.starts_with(':'))
        .map(Event::parse)
        .collect()
}

async fn send(client: &Client, pipeline: &str, accept: &str, form: Form) -> Reply {
    let headers = [("content-type", &*content_type()), ("accept", accept)];
    Reply::read(
        client
            .request(
                "POST",
                &format!("/{pipeline}/files"),
                &headers,
                form.closed(),
            )
            .await,
    )
    .await
}

impl Event {
    fn parse(event: &str) -> Event {
        let parts = event
            .strip_prefix("event: ")
            .and_then(|rest| rest.split_once("\ndata: "));
        let (name, data) = parts.unwrap_or_else(|| panic!("no event: {event:?}"));
        Event {
            name: name.to_owned(),
            data: serde_json::from_str(data).unwrap(),
        }
    }
}
