//! Why a request of a guest failed. No text has an address that a name stands for, nor a path or
//! query.

use std::time::Duration;

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;

/// Why there is no response, or no more of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    #[error("the address is wrong: {0}")]
    Address(String),
    #[error("the method is wrong: {0}")]
    Method(String),
    #[error("the headers are wrong: {0}")]
    Headers(String),
    /// No rule grants it.
    #[error(
        "{asked} is not granted to '{pipeline}': to allow it, write into plugins/{pipeline}.toml\n{cure}"
    )]
    Denied {
        asked: String,
        pipeline: String,
        cure: String,
    },
    /// A rule grants it, and its address is one that rules of that kind do not reach.
    #[error("{host} has an address that cannot be asked: {reason}")]
    Prohibited { host: String, reason: String },
    #[error("the secret '{name}' is not there: {cure}")]
    Secret { name: String, cure: String },
    #[error("the name {host} is not known")]
    Unresolved { host: String },
    #[error("{host} cannot be reached: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("{host} broke the answer off")]
    Broken { host: String },
    #[error("{host} answered something that is not passed on: {reason}")]
    Refused { host: String, reason: String },
    /// Without a limit it is the guest's own timeout.
    #[error(
        "{what} took longer than {}, {} ms",
        .limit.map_or("its own timeout", LimitName::as_str),
        .max.as_millis()
    )]
    Timeout {
        what: &'static str,
        limit: Option<LimitName>,
        max: Duration,
    },
    #[error("{what}: {limit} is {max}")]
    TooLarge {
        what: &'static str,
        limit: LimitName,
        max: u64,
    },
    #[error("too many requests: {limit} is {max}")]
    TooMany {
        limit: LimitName,
        max: usize,
        passes: bool,
    },
    #[error("more than {max} redirects (egress.redirects_max): the last one came from {host}")]
    Redirects { host: String, max: usize },
}

impl EgressError {
    /// The limit that was reached, where one is the reason.
    pub fn limit(&self) -> Option<LimitName> {
        match self {
            EgressError::Timeout { limit, .. } => *limit,
            EgressError::TooLarge { limit, .. } | EgressError::TooMany { limit, .. } => {
                Some(*limit)
            }
            EgressError::Redirects { .. } => Some(LimitName::EgressRedirectsMax),
            _ => None,
        }
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Failure {
        let kind = match &error {
            EgressError::Address(_) | EgressError::Method(_) | EgressError::Headers(_) => {
                FailureKind::InvalidInput
            }
            EgressError::Denied { .. } | EgressError::Prohibited { .. } => FailureKind::Denied,
            EgressError::Unresolved { .. }
            | EgressError::Unreachable { .. }
            | EgressError::Broken { .. } => FailureKind::Unavailable,
            EgressError::Timeout { .. } => FailureKind::Timeout,
            EgressError::TooLarge { .. } | EgressError::TooMany { .. } => FailureKind::Limit,
            EgressError::Secret { .. }
            | EgressError::Refused { .. }
            | EgressError::Redirects { .. } => FailureKind::Failed,
        };
        let passes = matches!(error, EgressError::TooMany { passes: true, .. });
        let failure = Failure {
            limit: error.limit(),
            ..Failure::new(kind, error.to_string())
        };
        if passes {
            failure.retry_after(Duration::from_secs(1))
        } else {
            failure
        }
    }
}
