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
        Failure { kind, message: message.into(), retry_after: None, limit: None }
    }

    /// The same, because of this limit.
    pub fn limit(mut self, limit: LimitName) -> Failure {
        self.limit = Some(limit);
        self
    }

    /// The same, worth another try after `delay`.
    pub fn retry_after(mut self, delay: Duration) -> Failure {
        self.retry_after = Some(delay);
        self
    }
}
