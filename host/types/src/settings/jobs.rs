//! `[jobs]`: the queue of background work, and how long finished jobs are kept.

use std::time::Duration;

use crate::job::JobStatus;
use crate::settings::ranges::{KEPT, MANY, TIMES};

/// Passes the tables of `[jobs]` to the next macro.
macro_rules! jobs_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// The queue and its limits.
        #[derive(Copy)]
        pub struct JobsSettings in "jobs" named "jobs." {
            /// Maximum number of concurrent attempts of all plugins; further jobs wait. A quarter of
            /// these places is kept for the first attempts of plugins of which none runs.
            // A job that calls a model mostly waits.
            jobs_max: usize as count = 16, in 1 ..= 4096;
            /// Maximum number of concurrent attempts of one plugin, unless its own file sets
            /// another; further jobs wait.
            plugin_jobs_max: usize as count = 4, in 1 ..= 4096;
            /// Maximum number of pending jobs of one pipeline, unless its own file sets another;
            /// further ones are refused with 429.
            pending_max: u64 as count = 100_000, in MANY, limit JobsPendingMax;
            /// Maximum length of the type of a job.
            kind_bytes_max: usize as bytes = 128, in 1 ..= 64 << 10, limit JobKindBytesMax;
            /// Maximum length of an idempotency key.
            key_bytes_max: usize as bytes = 256, in 1 ..= 64 << 10, limit JobKeyBytesMax;
            /// Maximum size of the data of a job.
            data_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20, limit JobDataBytesMax;
            /// Maximum size of the result of a job; an attempt with a larger result fails.
            result_bytes_max: usize as bytes = 4 << 20, in 1 ..= 64 << 20,
                limit JobResultBytesMax;
            /// Maximum size of the checkpoint of a job.
            checkpoint_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20,
                limit JobCheckpointBytesMax;
            /// Maximum length of the message of a progress report; the rest is truncated.
            progress_message_bytes_max: usize as bytes = 1 << 10, in 1 ..= 64 << 10;
            /// Default number of attempts of a job, including the first.
            attempts: u32 as count = 4, in 1 ..= 1000;
            /// Maximum number of attempts that a job may ask for.
            attempts_max: u32 as count = 100, in 1 ..= 1000, limit JobAttemptsMax;
            /// Default timeout of one attempt, waiting included.
            timeout: Duration as duration = Duration::from_mins(5), in TIMES, limit JobTimeout;
            /// Maximum timeout that a job may ask for.
            timeout_max: Duration as duration = Duration::from_hours(6), in TIMES,
                limit JobTimeoutMax;
            /// Maximum time that one attempt may compute, unless the plugin's own file sets another;
            /// waiting does not count.
            cpu_time_max: Duration as duration = Duration::from_mins(5), in TIMES,
                limit JobCpuTimeMax;
            /// Maximum delay that a job may ask for.
            delay_max: Duration as duration = Duration::from_hours(365 * 24), in KEPT,
                limit JobDelayMax;
            /// Maximum wait after the first failed attempt; it doubles with each further one.
            backoff_base: Duration as duration = Duration::from_secs(1), in TIMES;
            /// Maximum wait after any failed attempt.
            backoff_cap: Duration as duration = Duration::from_mins(5), in TIMES;
            /// How often the server process may die during attempts of a job before the job is
            /// considered the cause and fails. If several jobs were running, those that may be the
            /// cause run one at a time from the second crash on, and only further crashes count.
            crashes_max: u32 as count = 3, in 1 ..= 1000, limit JobCrashesMax;
            /// Maximum size of a page of jobs. A page has one job at least; the next page has those
            /// that did not fit.
            page_bytes_max: usize as bytes = 8 << 20, in 1 ..= 1 << 30;
        }

        /// How long final jobs are kept. Other jobs are never removed.
        #[derive(Copy)]
        pub struct Retention in "jobs" named "jobs." {
            /// How long a completed job is kept.
            keep_completed: Duration as duration = Duration::from_hours(24), in KEPT;
            /// How long a cancelled job is kept.
            keep_cancelled: Duration as duration = Duration::from_hours(24), in KEPT;
            /// How long a failed job is kept.
            keep_failed: Duration as duration = Duration::from_hours(7 * 24), in KEPT;
            /// Maximum number of jobs kept per pipeline and final status; beyond it, those that
            /// ended first are removed first, whatever their age.
            kept_max: u64 as count = 100_000, in MANY;
        }
    } };
}

jobs_table!(settings);

impl Retention {
    /// How long a job is kept after it entered this status; `None` means forever.
    pub fn age_max(&self, status: JobStatus) -> Option<Duration> {
        match status {
            JobStatus::Pending | JobStatus::Running => None,
            JobStatus::Completed => Some(self.keep_completed),
            JobStatus::Cancelled => Some(self.keep_cancelled),
            JobStatus::Failed => Some(self.keep_failed),
        }
    }
}
