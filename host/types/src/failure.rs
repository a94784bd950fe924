//! The error type that runtime and services return to guests and clients.

use std::time::Duration;

use crate::limit_name::LimitName;

/// The kind of a failure, by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The request is invalid; retrying it does not help.
    InvalidInput,
    NotFound,
    /// The operator did not grant it.
    Denied,
    /// A server that the host depends on is down and may recover.
    Unavailable,
    Timeout,
    /// The client hung up, or the operator stopped the run.
    Cancelled,
    /// A limit of the run, the plugin or the host was reached.
    Limit,
    /// Anything else: a bug in the plugin, the upstream or the host.
    Failed,
}

/// Maximum length of an error message of a guest, in bytes.
const GUEST_MESSAGE_BYTES_MAX: usize = 4 << 10;

/// A failure with a message for people, which names the cure if there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// The limit that was reached, if that is the reason.
    pub limit: Option<LimitName>,
}

impl Failure {
    /// A failure without a limit and without a time to retry.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            retry_after: None,
            limit: None,
        }
    }

    /// Sets the limit that was reached.
    pub fn limit(mut self, limit: LimitName) -> Failure {
        self.limit = Some(limit);
        self
    }

    /// A failure with an error message of a guest, truncated because it is sent to clients and
    /// logged.
    pub fn of_guest(kind: FailureKind, mut message: String) -> Failure {
        let mut cut = message.len().min(GUEST_MESSAGE_BYTES_MAX);
        while !message.is_char_boundary(cut) {
            cut -= 1;
        }
        if cut < message.len() {
            let gone = message.len() - cut;
            message.truncate(cut);
            message.push_str(&format!("… ({gone} bytes cut)"));
        }
        Failure::new(kind, message)
    }

    /// The message on one line, with control characters escaped: for logs.
    pub fn one_line(&self) -> String {
        let escaped = |character: char| {
            if character.is_control() {
                character.escape_default().to_string()
            } else {
                character.to_string()
            }
        };
        self.message.chars().map(escaped).collect()
    }

    /// Sets how long to wait before trying again.
    pub fn retry_after(mut self, delay: Duration) -> Failure {
        self.retry_after = Some(delay);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_messages_are_truncated_at_char_boundaries() {
        let long = Failure::of_guest(FailureKind::Failed, "ü".repeat(GUEST_MESSAGE_BYTES_MAX));
        assert!(
            long.message
                .ends_with(&format!("… ({GUEST_MESSAGE_BYTES_MAX} bytes cut)"))
                && long.message.len() < GUEST_MESSAGE_BYTES_MAX + 50
        );
        assert_eq!(
            Failure::of_guest(FailureKind::Failed, "short".to_owned()).message,
            "short"
        );
    }

    #[test]
    fn log_messages_stay_on_one_line() {
        assert_eq!(
            Failure::new(FailureKind::Failed, "a\nERROR b\u{1b}[2J").one_line(),
            "a\\nERROR b\\u{1b}[2J"
        );
    }
}
