//! The host's HTTP response, and what must hold for every response.

/// A whole response, read until the connection closed.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// Parses a response.
    ///
    /// # Panics
    /// The bytes are not an HTTP response.
    pub fn parse(bytes: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("not a response: {text:?}"));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no status: {head:?}"));
        Answer {
            status,
            body: body.to_owned(),
        }
    }

    /// Checks that the API knows the status and that a refusal has a reason. A failure of the host
    /// cannot be recognised from text, which a guest could have written: a panic ends the target.
    ///
    /// # Panics
    /// The check fails.
    pub fn check(&self) {
        let is_known = [
            200, 202, 400, 403, 404, 408, 409, 413, 429, 499, 500, 503, 504,
        ]
        .contains(&self.status);
        assert!(is_known, "{self:?}");
        assert!(
            self.status < 400 || self.body.contains("\"message\":"),
            "a refusal without a reason: {self:?}"
        );
    }
}
