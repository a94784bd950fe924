//! How much work is done at a time, and how often the worker looks after it.

use std::time::Duration;

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
    /// 16 attempts at a time: a job that asks a model mostly waits.
    fn default() -> WorkerConfig {
        WorkerConfig {
            jobs_max: 16,
            lease: Duration::from_secs(30),
            heartbeat_interval: Duration::from_secs(10),
            upkeep_interval: Duration::from_secs(60),
        }
    }
}
