//! How long tasks are kept, and how they get to disk.

use std::time::Duration;

/// Retention and write-behind of ended runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TasksConfig {
    /// How long a task is kept after its end.
    pub age_max: Duration,
    /// Tasks of one pipeline; beyond it those that ended first are deleted.
    pub per_pipeline_max: usize,
    /// How often runs are written to disk.
    pub flush_interval: Duration,
    /// Memory for tasks that are not on disk yet, all pipelines together. Beyond it the pipeline that
    /// has most loses its oldest ones; this happens only if the disk is full or stalled.
    pub unwritten_bytes_max: usize,
}

impl Default for TasksConfig {
    /// Seven days, 10,000 runs of a pipeline; on disk after a quarter of a second; 64 MiB.
    fn default() -> TasksConfig {
        TasksConfig {
            age_max: Duration::from_secs(7 * 24 * 60 * 60),
            per_pipeline_max: 10_000,
            flush_interval: Duration::from_millis(250),
            unwritten_bytes_max: 64 << 20,
        }
    }
}
