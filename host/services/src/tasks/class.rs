//! Failed tasks are kept apart from the others: successes, which are many, do not displace them.

use std::time::Duration;

use hayrick_types::task::TaskStatus;

use crate::tasks::config::TasksConfig;

/// Tasks that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskClass {
    Failed,
    /// Completed and cancelled ones, and those that go on.
    Other,
}

/// How long, how many and how much of a class is kept of each pipeline.
pub(super) struct Kept {
    pub(super) age: Duration,
    pub(super) count: usize,
    /// Bytes of texts.
    pub(super) bytes: u64,
}

impl TaskClass {
    /// Both classes.
    pub(super) const ALL: [TaskClass; 2] = [TaskClass::Failed, TaskClass::Other];

    /// The class of tasks with this status.
    pub(super) fn of(status: TaskStatus) -> TaskClass {
        match status {
            TaskStatus::Error => TaskClass::Failed,
            _ => TaskClass::Other,
        }
    }

    /// The value of the column `failed`.
    pub(super) fn is_failed(self) -> bool {
        self == TaskClass::Failed
    }
}

impl TasksConfig {
    /// What is kept of a class.
    pub(super) fn kept(&self, class: TaskClass) -> Kept {
        let settings = &self.settings;
        let (age, count) = match class {
            TaskClass::Failed => (settings.keep_failed, settings.failed_kept_max),
            TaskClass::Other => (settings.keep, settings.kept_max),
        };
        Kept {
            age,
            count,
            bytes: settings.kept_bytes_max,
        }
    }
}
