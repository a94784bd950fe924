//! Errors of the state store.

use std::time::Duration;

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;

use crate::database::error::{DatabaseError, StoreError};

/// Why an entry cannot be read or written; nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StateError {
    #[error(
        "a key must have 1 to {bytes_max} bytes (state.key_bytes_max), but this one has {bytes}: choose another, or hash long keys"
    )]
    Key { bytes: usize, bytes_max: usize },
    #[error(
        "a value may have at most {bytes_max} bytes (state.value_bytes_max), but this one has {bytes}: split it over several keys"
    )]
    Value { bytes: usize, bytes_max: usize },
    #[error("the time to live may be at most {:?} (state.ttl_max): leave it out for an entry that does not expire", .0)]
    Ttl(Duration),
    #[error(
        "this plugin has {0} keys, which is its maximum: delete some, or ask the operator to raise state.keys_max"
    )]
    Keys(u64),
    #[error(
        "this plugin may keep at most {0} bytes: delete something, or ask the operator to raise state.bytes_max"
    )]
    Bytes(u64),
    /// For example, the disk is full.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl StoreError for StateError {
    fn of_store(&self) -> Option<&DatabaseError> {
        match self {
            StateError::Database(error) => Some(error),
            _ => None,
        }
    }
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
            StateError::Key { bytes: 0, .. } | StateError::Database(_) => None,
            StateError::Key { .. } => Some(LimitName::StateKeyBytesMax),
            StateError::Ttl(_) => Some(LimitName::StateTtlMax),
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
