//! Checks the frames of a stream: each is one line of JSON with the same id, and the stream ends
//! exactly once.

use serde_json::Value;

/// The state of a stream that is being read.
#[derive(Debug, Default)]
pub struct Frames {
    unread: Vec<u8>,
    id: Option<String>,
    pub text: String,
    pub error: Option<String>,
    /// Violations of the protocol.
    pub faults: Vec<String>,
    is_done: bool,
}

/// Bytes of an answer's text to keep.
const KEPT_BYTES: usize = 1 << 20;

impl Frames {
    /// Processes the next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        let searched = self.unread.len().saturating_sub(1);
        self.unread.extend_from_slice(piece);
        let mut start = 0;
        let mut from = searched;
        while let Some(end) = find(&self.unread, from).filter(|end| *end >= start) {
            let frame = String::from_utf8(self.unread[start..end].to_vec());
            match frame {
                Ok(frame) => self.frame(&frame),
                Err(_) => self.fault("a frame is not UTF-8"),
            }
            start = end + 2;
            from = start;
        }
        self.unread.drain(..start);
    }

    /// Processes the end of the stream, which must come after [DONE] or an error.
    pub fn end(&mut self) {
        if !self.unread.is_empty() {
            self.fault("the stream ends within a frame");
        }
        if !self.is_done && self.error.is_none() {
            self.fault("the stream ends without [DONE] and without an error");
        }
    }

    fn frame(&mut self, frame: &str) {
        if frame.starts_with(':') && !frame.contains('\n') {
            return;
        }
        if self.is_done || self.error.is_some() {
            return self.fault("a frame comes after the end");
        }
        match frame.strip_prefix("data: ") {
            Some("[DONE]") => self.is_done = true,
            Some(data) => match serde_json::from_str(data) {
                Ok(json) => self.document(&json),
                Err(error) => self.fault(&format!("a frame is not JSON: {error}")),
            },
            None => self.fault("a frame does not start with `data:`"),
        }
    }

    fn document(&mut self, json: &Value) {
        if let Some(message) = json["error"]["message"].as_str() {
            self.error = Some(message.to_owned());
            return;
        }
        let id = json["id"].as_str().unwrap_or_default();
        match &self.id {
            None => self.id = Some(id.to_owned()),
            Some(first) if first != id => self.fault("a frame has a different id from the first"),
            Some(_) => {}
        }
        if !id.starts_with("chatcmpl-")
            || json["object"] != "chat.completion.chunk"
            || !json["choices"].is_array()
        {
            self.fault("a frame's own fields were replaced");
        }
        if self.text.len() < KEPT_BYTES {
            self.text.push_str(
                json["choices"][0]["delta"]["content"]
                    .as_str()
                    .unwrap_or_default(),
            );
        }
    }

    fn fault(&mut self, fault: &str) {
        if self.faults.len() < 3 {
            self.faults.push(fault.to_owned());
        }
    }
}

fn find(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from.min(bytes.len())..]
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map(|found| found + from.min(bytes.len()))
}
