//! Why something is not remembered.

use std::time::Duration;

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;

use crate::database::error::DatabaseError;

/// The entry cannot be read or written; nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StateError {
    #[error(
        "a key has 1 to {bytes_max} bytes, and this one has {bytes}: choose another, or hash what is long"
    )]
    Key { bytes: usize, bytes_max: usize },
    #[error(
        "a value has {bytes_max} bytes at most (state.value_bytes_max), and this one has {bytes}: split it over several keys"
    )]
    Value { bytes: usize, bytes_max: usize },
    #[error("an entry's time can be {} days at most: leave it out, and the entry stays", .0.as_secs() / (24 * 60 * 60))]
    Ttl(Duration),
    #[error(
        "this plugin remembers {0} keys, as many as it may: delete some, or have the operator raise state.keys_max"
    )]
    Keys(u64),
    #[error(
        "this plugin would remember more than the {0} bytes it may: delete something, or have the operator raise state.bytes_max"
    )]
    Bytes(u64),
    /// A full disk among others.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> StateError {
        StateError::Database(error.into())
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Failure {
        let limit = match error {
            StateError::Keys(_) => Some(LimitName::StateKeysMax),
            StateError::Bytes(_) => Some(LimitName::StateBytesMax),
            StateError::Value { .. } => Some(LimitName::StateValueBytesMax),
            _ => None,
        };
        let kind = match error {
            StateError::Key { .. } | StateError::Value { .. } | StateError::Ttl(_) => {
                FailureKind::InvalidInput
            }
            StateError::Keys(_) | StateError::Bytes(_) => FailureKind::Limit,
            StateError::Database(error) => return error.into(),
        };
        Failure {
            limit,
            ..Failure::new(kind, error.to_string())
        }
    }
}
