//! The limits of jobs, and how long finished ones are kept.

use std::time::Duration;

use hayrick_types::job::JobStatus;

/// Limits and defaults of the job queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsConfig {
    /// Bytes of a job's data.
    pub data_bytes_max: usize,
    /// Bytes of a result; an attempt that returns more has failed.
    pub result_bytes_max: usize,
    /// Bytes of a checkpoint.
    pub checkpoint_bytes_max: usize,
    /// Bytes of an error; the rest is truncated.
    pub error_bytes_max: usize,
    /// Bytes of a kind.
    pub kind_bytes_max: usize,
    /// Bytes of an idempotency key.
    pub key_bytes_max: usize,
    /// Bytes of a progress message.
    pub progress_message_bytes_max: usize,
    /// Pending jobs of a pipeline; one more is refused.
    pub pending_max: u64,
    /// Attempts of a job that does not set the number, the first included.
    pub attempts_default: u32,
    /// The most attempts a job may ask for.
    pub attempts_max: u32,
    /// How long an attempt may take if its job does not set a timeout.
    pub timeout_default: Duration,
    /// The longest time a job may ask for.
    pub timeout_max: Duration,
    /// The longest delay of a job or of its next attempt.
    pub delay_max: Duration,
    /// Crashes of the host during attempts of one job, after which the job is taken for their cause.
    pub crashes_max: u32,
    /// The longest wait after the first failed attempt; it doubles with every attempt.
    pub backoff_base: Duration,
    /// The longest wait after any.
    pub backoff_cap: Duration,
    /// Between two writes of a job's progress; of the reports in between, the newest is written.
    pub progress_interval: Duration,
    /// Jobs of a page.
    pub page_jobs_max: usize,
    /// Bytes of data and results of a page; the first job is included whatever its size.
    pub page_bytes_max: usize,
    pub retention: Retention,
}

impl Default for JobsConfig {
    /// 1 MiB of data and checkpoint, 4 MiB of result; 100,000 pending jobs a pipeline; 4 attempts
    /// of 300 s each, at most 100 of 24 h.
    fn default() -> JobsConfig {
        JobsConfig {
            data_bytes_max: 1 << 20,
            result_bytes_max: 4 << 20,
            checkpoint_bytes_max: 1 << 20,
            error_bytes_max: 64 << 10,
            kind_bytes_max: 128,
            key_bytes_max: 256,
            progress_message_bytes_max: 1 << 10,
            pending_max: 100_000,
            attempts_default: 4,
            attempts_max: 100,
            timeout_default: Duration::from_secs(300),
            timeout_max: Duration::from_hours(24),
            delay_max: Duration::from_hours(24 * 365),
            crashes_max: 3,
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_mins(5),
            progress_interval: Duration::from_millis(250),
            page_jobs_max: 1000,
            page_bytes_max: 8 << 20,
            retention: Retention::default(),
        }
    }
}

/// How long final jobs are kept. Others are never deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub completed: Duration,
    pub cancelled: Duration,
    pub failed: Duration,
    /// Jobs of one pipeline and one final status; beyond it the oldest are deleted, whatever their
    /// age.
    pub kept_max: u64,
}

impl Default for Retention {
    /// A day for what completed or was cancelled, a week for what failed; 100,000 of each.
    fn default() -> Retention {
        let day = Duration::from_hours(24);
        Retention {
            completed: day,
            cancelled: day,
            failed: 7 * day,
            kept_max: 100_000,
        }
    }
}

impl Retention {
    /// How long a job is kept in this status; `None` means forever.
    pub fn age_max(&self, status: JobStatus) -> Option<Duration> {
        match status {
            JobStatus::Pending | JobStatus::Running => None,
            JobStatus::Completed => Some(self.completed),
            JobStatus::Cancelled => Some(self.cancelled),
            JobStatus::Failed => Some(self.failed),
        }
    }
}
