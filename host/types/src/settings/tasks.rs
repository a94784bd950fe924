//! `[tasks]`: how long the records of runs are kept.

use std::time::Duration;

use crate::settings::ranges::{MANY, YEARS};

/// Passes the table of `[tasks]` to the next macro.
macro_rules! tasks_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// How long the records of runs are kept.
        #[derive(Copy)]
        pub struct TasksSettings in "tasks" named "tasks." {
            /// How long a task is kept after its run has ended.
            keep: Duration as duration = Duration::from_hours(7 * 24),
                in Duration::from_millis(1) ..= YEARS;
            /// Maximum number of tasks kept per pipeline; those that ended first are removed first.
            kept_max: usize as count = 10_000, in MANY;
        }
    } };
}

tasks_table!(settings);
