//! Background jobs: what is submitted, what is known of one, and how an attempt ends.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

/// One job. Later ids sort after earlier ones (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

impl JobId {
    /// An id nobody has yet.
    #[expect(
        clippy::disallowed_methods,
        reason = "an id is made here and nowhere else"
    )]
    pub fn fresh() -> JobId {
        JobId(Uuid::now_v7())
    }

    /// Reads an id, with or without hyphens.
    pub fn parse(word: &str) -> Option<JobId> {
        Uuid::try_parse(word).ok().map(JobId)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.hyphenated())
    }
}

/// Proof that an attempt is the one that holds the job: random, so that no other attempt can have
/// it by chance or after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken(Uuid);

impl LeaseToken {
    /// A token nobody has.
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

/// A process that works on jobs, from its start to its end: what a new process finds held by
/// another owner nobody holds any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerId(Uuid);

impl OwnerId {
    /// An owner nobody has been.
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

/// Where a job is in its life. `Completed`, `Failed` and `Cancelled` are final, but for a retry by
/// hand of what did not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// It waits for its time, for a place, or for its next attempt.
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl JobStatus {
    /// Every status, in the order of a job's life.
    pub const ALL: [JobStatus; 5] = [
        JobStatus::Pending,
        JobStatus::Running,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Cancelled,
    ];

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Pending => "pending",
            JobStatus::Running => "running",
            JobStatus::Completed => "completed",
            JobStatus::Failed => "failed",
            JobStatus::Cancelled => "cancelled",
        }
    }

    /// The status a word names.
    pub fn parse(word: &str) -> Option<JobStatus> {
        JobStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
    }

    /// Whether no attempt will follow.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled
        )
    }
}

/// How far a job or another run has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub message: Option<String>,
}

/// What is asked of a job. What is `None` takes the host's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub pipeline: String,
    /// The plugin's own word for what is to be done.
    pub kind: String,
    /// A JSON document.
    pub data: String,
    /// Same key, kind and data: the job there is. Same key, anything else different: a conflict.
    pub idempotency_key: Option<String>,
    /// Not before this long from now.
    pub delay: Option<Duration>,
    /// Higher goes first; 0 is usual.
    pub priority: i16,
    /// The first attempt included.
    pub attempts_max: Option<u32>,
    /// Of one attempt.
    pub timeout: Option<Duration>,
    /// Pending jobs the pipeline may have, this one included; `None` takes the host's own bound.
    pub pending_max: Option<u64>,
}

/// What is known of a job. Times are Unix times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub pipeline: String,
    pub kind: String,
    /// A JSON document.
    pub data: String,
    pub status: JobStatus,
    pub priority: i16,
    /// Attempts begun.
    pub attempt: u32,
    pub attempts_max: u32,
    /// Attempts that ended because the host's process died.
    pub crashes: u32,
    /// Of one attempt.
    pub timeout: Duration,
    pub created_at: u64,
    /// No attempt before this.
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
    /// Grows with every change that is seen here.
    pub revision: u64,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    pub job: Job,
    /// Not set if the idempotency key named a job that was there.
    pub created: bool,
}

/// Which jobs of a pipeline are asked for, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    pub pipeline: String,
    pub status: Option<JobStatus>,
    pub kind: Option<String>,
    /// Only jobs submitted before this one: the `next` of the page before.
    pub before: Option<JobId>,
    /// Jobs of a page.
    pub limit: usize,
}

/// Some jobs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobPage {
    pub jobs: Vec<Job>,
    /// Where the next page begins; `None` on the last one. A page of large jobs is shorter than its
    /// limit.
    pub next: Option<JobId>,
}

/// How many jobs of a pipeline there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    pub pending: u64,
    pub running: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
}

impl JobCounts {
    /// The number of one status, to read or to set.
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

/// The right to write to a job while one attempt of it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub id: JobId,
    pub token: LeaseToken,
}

/// A job that a worker holds for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub job: Job,
    pub token: LeaseToken,
    /// What the last attempt left for this one, a JSON document.
    pub checkpoint: Option<String>,
}

impl Claimed {
    /// What the attempt shows with all it writes.
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
    /// With a result, a JSON document.
    Completed(String),
    /// Worth another attempt, after `delay` or the host's back-off.
    Retry {
        error: String,
        delay: Option<Duration>,
    },
    /// Never worth another attempt.
    Failed(String),
    /// Somebody asked for it.
    Cancelled,
    /// The host is going down: the attempt does not count, and another begins when it is up again.
    Released,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_words_come_back_as_they_went() {
        let id = JobId::fresh();
        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        assert_eq!(JobId::parse("../etc/passwd"), None);
        for status in JobStatus::ALL {
            assert_eq!(JobStatus::parse(status.as_str()), Some(status));
        }
    }
}
