//! The limits of jobs, and how long finished ones are kept.

use std::time::Duration;

use hayrick_types::settings::jobs::{JobsSettings, Retention};

/// How jobs are treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsConfig {
    /// What the operator sets.
    pub settings: JobsSettings,
    /// How long finished jobs are kept.
    pub retention: Retention,
    /// Bytes of an error; the rest is cut off.
    pub error_bytes_max: usize,
    /// Bytes of a kind.
    pub kind_bytes_max: usize,
    /// Bytes of an idempotency key.
    pub key_bytes_max: usize,
    /// Bytes of the message beside a progress.
    pub progress_message_bytes_max: usize,
    /// The most attempts a job may ask for.
    pub attempts_max: u32,
    /// The longest time a job may ask for.
    pub timeout_max: Duration,
    /// The longest delay of a job or of its next attempt.
    pub delay_max: Duration,
    /// Between two writes of a job's progress; of what is reported meanwhile the newest is kept.
    pub progress_interval: Duration,
    /// Jobs of a page.
    pub page_jobs_max: usize,
    /// Bytes of data and results of a page; the first job is on it whatever its size.
    pub page_bytes_max: usize,
}

impl Default for JobsConfig {
    /// The defaults of the settings; at most 100 attempts of 24 h each.
    fn default() -> JobsConfig {
        JobsConfig {
            settings: JobsSettings::default(),
            retention: Retention::default(),
            error_bytes_max: 64 << 10,
            kind_bytes_max: 128,
            key_bytes_max: 256,
            progress_message_bytes_max: 1 << 10,
            attempts_max: 100,
            timeout_max: Duration::from_hours(24),
            delay_max: Duration::from_hours(24 * 365),
            progress_interval: Duration::from_millis(250),
            page_jobs_max: 1000,
            page_bytes_max: 8 << 20,
        }
    }
}
