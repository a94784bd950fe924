//! How much work is done at a time, and how often the worker looks after it.

use std::time::Duration;

use hayrick_types::settings::jobs::JobsSettings;

/// What a worker needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Attempts at a time.
    pub jobs_max: usize,
    /// How long jobs are held without a sign of life, where several hosts share a store.
    pub lease: Duration,
    /// Between two signs of life.
    pub heartbeat_interval: Duration,
    /// Between two looks for what has been kept long enough.
    pub upkeep_interval: Duration,
}

impl Default for WorkerConfig {
    /// As many attempts at a time as the settings say by default.
    fn default() -> WorkerConfig {
        WorkerConfig {
            jobs_max: JobsSettings::default().jobs_max,
            lease: Duration::from_secs(30),
            heartbeat_interval: Duration::from_secs(10),
            upkeep_interval: Duration::from_secs(60),
        }
    }
}
