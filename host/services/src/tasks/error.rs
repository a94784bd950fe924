//! Errors of the task store.

use hayrick_types::failure::Failure;

use crate::database::error::{DatabaseError, StoreError};

/// The store failed. Runs continue, and their tasks stay in memory.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TasksError {
    /// For example, the disk is full.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl StoreError for TasksError {
    fn of_store(&self) -> Option<&DatabaseError> {
        let TasksError::Database(error) = self;
        Some(error)
    }
}

impl From<rusqlite::Error> for TasksError {
    fn from(error: rusqlite::Error) -> TasksError {
        TasksError::Database(error.into())
    }
}

impl From<TasksError> for Failure {
    fn from(error: TasksError) -> Failure {
        match error {
            TasksError::Database(error) => error.into(),
        }
    }
}
