//! The one error that crosses from runtime and services to a guest or to a client.

use std::time::Duration;

use crate::limit_name::LimitName;

/// What the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The caller sent something that cannot work; sending it again does not help.
    InvalidInput,
    NotFound,
    /// The operator did not grant it.
    Denied,
    /// Something behind the host is away and may come back.
    Unavailable,
    Timeout,
    /// The client hung up, or the operator stopped the run.
    Cancelled,
    /// A limit of the run, the plugin or the host is reached.
    Limit,
    /// Anything else: a bug of the plugin, of the upstream or of the host.
    Failed,
}

/// Bytes of a guest's sentence: a page, not a book.
const GUEST_MESSAGE_BYTES_MAX: usize = 4 << 10;

/// A failure with a sentence for the person who reads it; it names the cure where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    /// When trying again is worth it.
    pub retry_after: Option<Duration>,
    /// The limit that was reached, where one is the reason.
    pub limit: Option<LimitName>,
}

impl Failure {
    /// A failure that says nothing about when to try again.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            retry_after: None,
            limit: None,
        }
    }

    /// The same, because of this limit.
    pub fn limit(mut self, limit: LimitName) -> Failure {
        self.limit = Some(limit);
        self
    }

    /// What a guest says went wrong: cut, since it is repeated to clients, in logs and in tables.
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

    /// The message on one line, whatever a guest wrote into it: for logs.
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

    /// The same, worth another try after `delay`.
    pub fn retry_after(mut self, delay: Duration) -> Failure {
        self.retry_after = Some(delay);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_s_sentence_is_cut_between_letters() {
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
    fn a_line_of_the_log_stays_one() {
        assert_eq!(
            Failure::new(FailureKind::Failed, "a\nERROR b\u{1b}[2J").one_line(),
            "a\\nERROR b\\u{1b}[2J"
        );
    }
}
