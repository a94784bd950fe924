//! What came back, and what must hold of every answer.

/// A whole answer, its connection closed behind it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// Takes an answer apart.
    ///
    /// # Panics
    /// It is not an HTTP response.
    pub fn parse(bytes: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
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

    /// It is one that the API knows, and says why where it refuses. That the host has not failed
    /// shows in no text, which a guest could have written: a panic ends the target.
    ///
    /// # Panics
    /// Otherwise.
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
