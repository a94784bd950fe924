//! Errors of the database.

use std::sync::Arc;

use hayrick_types::failure::{Failure, FailureKind};
use rusqlite::ErrorCode;

/// The store cannot do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatabaseError {
    /// Nothing of the operation was kept; it works again once there is space.
    #[error(
        "the disk that holds the data folder is full or failing: free some space, then try again"
    )]
    Full,
    #[error(
        "the store was written by a newer Hayrick: start that version, or name another folder with --data-dir"
    )]
    TooNew,
    #[error("the thread that writes cannot be started: {0}")]
    Thread(Arc<std::io::Error>),
    /// The writer has ended.
    #[error("the store is closed: the server is shutting down")]
    Closed,
    /// Nothing that is written would be found again.
    #[error(
        "the file of the store was removed or replaced while the server was running: put it back, \
         or restart the server"
    )]
    Gone,
    #[error("the store could not be written last time: check the disk of the data folder")]
    Failing,
    /// Part of the file is not what was written.
    #[error(
        "the file of the store is damaged ({0}): stop the server, and restore the data folder from \
         a backup"
    )]
    Damaged(Arc<rusqlite::Error>),
    #[error("the store failed: {0}")]
    Sqlite(Arc<rusqlite::Error>),
}

/// The error of an operation on the store.
pub trait StoreError: From<DatabaseError> {
    /// The failure of the store itself, if that is the reason.
    fn of_store(&self) -> Option<&DatabaseError>;
}

impl StoreError for DatabaseError {
    fn of_store(&self) -> Option<&DatabaseError> {
        Some(self)
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> DatabaseError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => DatabaseError::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                DatabaseError::Damaged(Arc::new(error))
            }
            _ => DatabaseError::Sqlite(Arc::new(error)),
        }
    }
}

impl From<std::io::Error> for DatabaseError {
    fn from(error: std::io::Error) -> DatabaseError {
        DatabaseError::Thread(Arc::new(error))
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Failure {
        let kind = match error {
            DatabaseError::Full
            | DatabaseError::Closed
            | DatabaseError::Gone
            | DatabaseError::Failing => FailureKind::Unavailable,
            DatabaseError::TooNew
            | DatabaseError::Thread(_)
            | DatabaseError::Damaged(_)
            | DatabaseError::Sqlite(_) => FailureKind::Failed,
        };
        Failure::new(kind, error.to_string())
    }
}
