//! The limits of jobs, and how long finished ones are kept.

use std::time::Duration;

use hayrick_types::settings::jobs::{JobsSettings, Retention};

/// Limits and defaults of the job queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsConfig {
    /// What the operator sets.
    pub settings: JobsSettings,
    /// How long finished jobs are kept.
    pub retention: Retention,
    /// Bytes of an error; the rest is truncated.
    pub error_bytes_max: usize,
    /// Between two writes of a job's progress; of the reports in between, the newest is written.
    pub progress_interval: Duration,
    /// Jobs of a page.
    pub page_jobs_max: usize,
}

impl Default for JobsConfig {
    /// The defaults of the settings.
    fn default() -> JobsConfig {
        JobsConfig {
            settings: JobsSettings::default(),
            retention: Retention::default(),
            error_bytes_max: 64 << 10,
            progress_interval: Duration::from_millis(250),
            page_jobs_max: 1000,
        }
    }
}
