//! Settings of the worker.

use std::time::Duration;

use hayrick_types::settings::jobs::JobsSettings;

/// How many attempts run at a time, and how often the worker checks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Attempts at a time.
    pub jobs_max: usize,
    /// Between two checks for attempts that lost their jobs.
    pub heartbeat_interval: Duration,
    /// Between two sweeps of old jobs and state.
    pub upkeep_interval: Duration,
}

impl Default for WorkerConfig {
    /// As many attempts at a time as the settings say by default.
    fn default() -> WorkerConfig {
        WorkerConfig {
            jobs_max: JobsSettings::default().jobs_max,
            heartbeat_interval: Duration::from_secs(10),
            upkeep_interval: Duration::from_secs(60),
        }
    }
}
