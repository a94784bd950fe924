//! Background jobs: submission, state and the end of an attempt.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

/// The id of a job. Later ids sort after earlier ones (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

impl JobId {
    /// A new id.
    #[expect(
        clippy::disallowed_methods,
        reason = "an id is made here and nowhere else"
    )]
    pub fn fresh() -> JobId {
        JobId(Uuid::now_v7())
    }

    /// Parses an id, with or without hyphens.
    pub fn parse(text: &str) -> Option<JobId> {
        Uuid::try_parse(text).ok().map(JobId)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.hyphenated())
    }
}

/// Proves that an attempt holds the lease of its job. It is random, so no other attempt can have
/// the same one, even after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken(Uuid);

impl LeaseToken {
    /// A new token.
    #[expect(
        clippy::disallowed_methods,
        reason = "an id is made here and nowhere else"
    )]
    pub fn fresh() -> LeaseToken {
        LeaseToken(Uuid::new_v4())
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.simple())
    }
}

/// The id of a process that runs jobs. Running jobs of another owner were left by a process that
/// has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerId(Uuid);

impl OwnerId {
    /// A new owner.
    #[expect(
        clippy::disallowed_methods,
        reason = "an id is made here and nowhere else"
    )]
    pub fn fresh() -> OwnerId {
        OwnerId(Uuid::new_v4())
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.simple())
    }
}

/// The status of a job. `Completed`, `Failed` and `Cancelled` are final; only a manual retry
/// reopens a failed or cancelled job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Waiting for its start time, for a free slot, or for its next attempt.
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl JobStatus {
    /// All statuses, in the order of a job's life.
    pub const ALL: [JobStatus; 5] = [
        JobStatus::Pending,
        JobStatus::Running,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Cancelled,
    ];

    /// The name used in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Pending => "pending",
            JobStatus::Running => "running",
            JobStatus::Completed => "completed",
            JobStatus::Failed => "failed",
            JobStatus::Cancelled => "cancelled",
        }
    }

    /// Parses the name used in JSON and in the store.
    pub fn parse(name: &str) -> Option<JobStatus> {
        JobStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
    }

    /// Whether the job has ended.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled
        )
    }
}

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub message: Option<String>,
}

/// A job to submit. `None` means the host's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub pipeline: String,
    /// The plugin's name for the kind of work.
    pub kind: String,
    /// A JSON document.
    pub data: String,
    /// The same key, kind and data return the existing job; the same key with another kind or data
    /// is a conflict.
    pub idempotency_key: Option<String>,
    /// How long to wait before the first attempt.
    pub delay: Option<Duration>,
    /// Jobs with higher priority run first; the default is 0.
    pub priority: i16,
    /// Maximum number of attempts, including the first.
    pub attempts_max: Option<u32>,
    /// Timeout of one attempt.
    pub timeout: Option<Duration>,
    /// Maximum number of pending jobs of the pipeline, including this one; `None` means the host's
    /// limit.
    pub pending_max: Option<u64>,
}

/// A job. Times are Unix times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub pipeline: String,
    pub kind: String,
    /// A JSON document.
    pub data: String,
    pub status: JobStatus,
    pub priority: i16,
    /// Number of attempts that were started.
    pub attempt: u32,
    pub attempts_max: u32,
    /// Number of attempts that ended because the server process died.
    pub crashes: u32,
    /// Timeout of one attempt.
    pub timeout: Duration,
    pub created_at: u64,
    /// The next attempt does not start before this time.
    pub run_at: u64,
    /// Start of the newest attempt.
    pub started_at: Option<u64>,
    pub completed_at: Option<u64>,
    pub progress: Option<Progress>,
    /// A JSON document.
    pub result: Option<String>,
    /// Why the newest attempt failed.
    pub error: Option<String>,
    pub cancel_requested: bool,
    /// Increases with every change of the other fields.
    pub revision: u64,
}

/// The outcome of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    pub job: Job,
    /// False if a job with this idempotency key already existed.
    pub created: bool,
}

/// Selects jobs of a pipeline, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    pub pipeline: String,
    pub status: Option<JobStatus>,
    pub kind: Option<String>,
    /// Only jobs submitted before this one: the `next` of the previous page.
    pub before: Option<JobId>,
    /// Maximum number of jobs on the page.
    pub limit: usize,
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobPage {
    pub jobs: Vec<Job>,
    /// Where the next page begins; `None` on the last page. A page of large jobs may be shorter
    /// than its limit.
    pub next: Option<JobId>,
}

/// The number of jobs of a pipeline, by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    pub pending: u64,
    pub running: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
}

impl JobCounts {
    /// The number of jobs with this status.
    pub fn of(&mut self, status: JobStatus) -> &mut u64 {
        match status {
            JobStatus::Pending => &mut self.pending,
            JobStatus::Running => &mut self.running,
            JobStatus::Completed => &mut self.completed,
            JobStatus::Failed => &mut self.failed,
            JobStatus::Cancelled => &mut self.cancelled,
        }
    }
}

/// The right to write to a job during one of its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub id: JobId,
    pub token: LeaseToken,
}

/// A job that a worker has claimed for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub job: Job,
    pub token: LeaseToken,
    /// The checkpoint of an earlier attempt, a JSON document.
    pub checkpoint: Option<String>,
}

impl Claimed {
    /// The lease, needed for every write of the attempt.
    pub fn lease(&self) -> Lease {
        Lease {
            id: self.job.id,
            token: self.token,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// With a result, which is a JSON document.
    Completed(String),
    /// Failed; retry after `delay`, or after the host's backoff.
    Retry {
        error: String,
        delay: Option<Duration>,
    },
    /// Failed; do not retry.
    Failed(String),
    /// The job was cancelled.
    Cancelled,
    /// The host is shutting down. The attempt does not count; another one begins after the next
    /// start.
    Released,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_survive_a_round_trip() {
        let id = JobId::fresh();
        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        assert_eq!(JobId::parse("../etc/passwd"), None);
        for status in JobStatus::ALL {
            assert_eq!(JobStatus::parse(status.as_str()), Some(status));
        }
    }
}
