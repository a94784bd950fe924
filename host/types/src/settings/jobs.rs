//! `[jobs]`: the queue of background work, and how long finished jobs are kept.

use std::time::Duration;

use crate::job::JobStatus;
use crate::settings::ranges::{KEPT, MANY, TIMES};

/// Hands the tables of `[jobs]` on.
macro_rules! jobs_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// The queue and its limits.
        #[derive(Copy)]
        pub struct JobsSettings in "jobs" named "jobs." {
            /// Attempts of all plugins at a time; further jobs wait.
            // A job that asks a model mostly waits.
            jobs_max: usize as count = 16, in 1 ..= 4096;
            /// Attempts of one plugin at a time, unless its own file says otherwise; its further
            /// jobs wait.
            plugin_jobs_max: usize as count = 4, in 1 ..= 4096;
            /// Pending jobs of one pipeline, unless its own file says otherwise; one more is
            /// refused with 429.
            pending_max: u64 as count = 100_000, in MANY, limit JobsPendingMax;
            /// Bytes of a job's data.
            data_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20, limit JobDataBytesMax;
            /// Bytes of a job's result; an attempt that gives more has failed.
            result_bytes_max: usize as bytes = 4 << 20, in 1 ..= 64 << 20,
                limit JobResultBytesMax;
            /// Bytes of a job's checkpoint.
            checkpoint_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20,
                limit JobCheckpointBytesMax;
            /// Attempts of a job that asks for no other number, the first included.
            attempts: u32 as count = 4, in 1 ..= 100;
            /// Time of one attempt, computing and waiting, if its job asks for no other.
            timeout: Duration as duration = Duration::from_secs(300), in TIMES, limit JobTimeout;
            /// Longest wait after the first failed attempt; it doubles with each.
            backoff_base: Duration as duration = Duration::from_secs(1), in TIMES;
            /// Longest wait after any failed attempt.
            backoff_cap: Duration as duration = Duration::from_mins(5), in TIMES;
            /// How often the host's process may die during attempts of a job before the job counts
            /// as the cause and fails.
            crashes_max: u32 as count = 3, in 1 ..= 1000, limit JobCrashesMax;
        }

        /// How long final jobs are kept. Others are never swept.
        #[derive(Copy)]
        pub struct Retention in "jobs" named "jobs." {
            /// How long a completed job is kept.
            keep_completed: Duration as duration = Duration::from_hours(24), in KEPT;
            /// How long a cancelled job is kept.
            keep_cancelled: Duration as duration = Duration::from_hours(24), in KEPT;
            /// How long a failed job is kept.
            keep_failed: Duration as duration = Duration::from_hours(7 * 24), in KEPT;
            /// Jobs of one pipeline and one final status that are kept; beyond it those that ended
            /// first go first, whatever their age.
            kept_max: u64 as count = 100_000, in MANY;
        }
    } };
}

jobs_table!(settings);

impl Retention {
    /// How long a job is kept after it came to this status; `None` is for ever.
    pub fn age_max(&self, status: JobStatus) -> Option<Duration> {
        match status {
            JobStatus::Pending | JobStatus::Running => None,
            JobStatus::Completed => Some(self.keep_completed),
            JobStatus::Cancelled => Some(self.keep_cancelled),
            JobStatus::Failed => Some(self.keep_failed),
        }
    }
}
