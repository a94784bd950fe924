//! A request of a guest.

use std::time::Duration;

use bytes::Bytes;

/// One request as the guest made it, unchecked.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
    /// From the beginning to the last byte; the host's own limit applies if it is shorter.
    pub timeout: Option<Duration>,
    /// Whether the host follows redirects; otherwise they are the response.
    pub follow: bool,
}
