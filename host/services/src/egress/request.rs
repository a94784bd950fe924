//! What a guest asks for.

use std::time::Duration;

use bytes::Bytes;

/// One request as a guest made it; nothing of it is checked yet.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
    /// From the beginning to the last byte; the host's own bound counts if it is shorter.
    pub timeout: Option<Duration>,
    /// Whether the host follows redirects; else they are the answer.
    pub follow: bool,
}
