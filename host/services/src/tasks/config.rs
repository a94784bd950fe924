//! How long runs are remembered, and how they get to disk.

use std::time::Duration;

use hayrick_types::settings::tasks::TasksSettings;

/// Retention and write-behind; all of it concerns runs that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TasksConfig {
    /// What the operator sets.
    pub settings: TasksSettings,
    /// How often runs are written to disk.
    pub flush_interval: Duration,
    /// Memory for runs that are not on disk yet, all pipelines together. Beyond it the pipeline
    /// that has most loses its oldest ones: that takes a disk which is full or stands still.
    pub unwritten_bytes_max: usize,
}

impl Default for TasksConfig {
    /// The defaults of the settings; on disk after a quarter of a second; 64 MiB.
    fn default() -> TasksConfig {
        TasksConfig {
            settings: TasksSettings::default(),
            flush_interval: Duration::from_millis(250),
            unwritten_bytes_max: 64 << 20,
        }
    }
}
