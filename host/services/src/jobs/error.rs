//! Errors of the job queue, and how callers see them.

use std::time::Duration;

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::job::{JobId, JobStatus};
use hayrick_types::limit_name::LimitName;

use crate::database::error::{DatabaseError, StoreError};

/// When it is worth asking a full queue again.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why a call of the queue failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JobError {
    #[error(
        "pipeline '{pipeline}' has no job {id}: check the id; finished jobs are deleted after a time"
    )]
    NotFound { pipeline: String, id: JobId },
    #[error("{what} is empty: give it a value, or leave it out if it may be left out")]
    Empty { what: &'static str },
    #[error("{what} has {bytes} bytes, but at most {bytes_max} are allowed ({limit}): shorten it")]
    TooLong {
        what: &'static str,
        bytes: usize,
        bytes_max: usize,
        limit: LimitName,
    },
    #[error("{what} is not valid JSON: {reason}")]
    NotJson { what: &'static str, reason: String },
    #[error("{what} must be between {least} and {most}{}", .limit.map(|limit| format!(" ({limit})")).unwrap_or_default())]
    OutOfRange {
        what: &'static str,
        least: String,
        most: String,
        /// The limit, if the value is above it.
        limit: Option<LimitName>,
    },
    /// HTTP says 409.
    #[error(
        "the idempotency key belongs to job {id}, which has another kind or other data: use a new key for a new job"
    )]
    Conflict { id: JobId },
    #[error("pipeline '{pipeline}' has {pending_max} jobs waiting (pending_max): try again later")]
    Full { pipeline: String, pending_max: u64 },
    /// HTTP says 409.
    #[error("job {id} is {}: only a failed or cancelled job can be retried", status.as_str())]
    NotRetryable { id: JobId, status: JobStatus },
    /// A worker's write came too late.
    #[error("the attempt no longer holds job {id}: end it and discard its work")]
    Lost { id: JobId },
    /// HTTP says 507.
    #[error(transparent)]
    DiskFull(DatabaseError),
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<DatabaseError> for JobError {
    fn from(error: DatabaseError) -> JobError {
        match error {
            DatabaseError::Full => JobError::DiskFull(error),
            error => JobError::Database(error),
        }
    }
}

impl StoreError for JobError {
    fn of_store(&self) -> Option<&DatabaseError> {
        match self {
            JobError::DiskFull(error) | JobError::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for JobError {
    fn from(error: rusqlite::Error) -> JobError {
        DatabaseError::from(error).into()
    }
}

impl JobError {
    /// The limit that was reached, where one is the reason.
    pub(super) fn limit(&self) -> Option<LimitName> {
        match self {
            JobError::TooLong { limit, .. } => Some(*limit),
            JobError::OutOfRange { limit, .. } => *limit,
            JobError::Full { .. } => Some(LimitName::JobsPendingMax),
            _ => None,
        }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Failure {
        let kind = match &error {
            JobError::NotFound { .. } => FailureKind::NotFound,
            JobError::Empty { .. }
            | JobError::TooLong { .. }
            | JobError::NotJson { .. }
            | JobError::OutOfRange { .. } => FailureKind::InvalidInput,
            JobError::Conflict { .. } | JobError::NotRetryable { .. } => FailureKind::InvalidInput,
            JobError::Full { .. } => FailureKind::Limit,
            JobError::Lost { .. } => FailureKind::Cancelled,
            JobError::DiskFull(_) | JobError::Database(DatabaseError::Closed) => {
                FailureKind::Unavailable
            }
            JobError::Database(_) => FailureKind::Failed,
        };
        let failure = Failure {
            limit: error.limit(),
            ..Failure::new(kind, error.to_string())
        };
        if matches!(error, JobError::Full { .. }) {
            failure.retry_after(FULL_RETRY_AFTER)
        } else {
            failure
        }
    }
}
