//! Why tasks cannot be read or kept.

use hayrick_types::failure::Failure;

use crate::database::error::DatabaseError;

/// The store failed; runs go on, and what is known of them stays in memory.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TasksError {
    /// A full disk among others.
    #[error(transparent)]
    Database(#[from] DatabaseError),
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
