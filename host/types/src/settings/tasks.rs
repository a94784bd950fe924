//! `[tasks]`: how long the records of runs are kept.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::settings::ranges::{MANY, YEARS};

/// How long a task may be kept.
const TASKS_KEPT: RangeInclusive<Duration> = Duration::from_millis(1)..=YEARS;

/// Passes the table of `[tasks]` to the next macro.
macro_rules! tasks_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// How long the records of runs are kept.
        #[derive(Copy)]
        pub struct TasksSettings in "tasks" named "tasks." {
            /// How long a task is kept after its run has ended without a failure.
            keep: Duration as duration = Duration::from_hours(7 * 24), in TASKS_KEPT;
            /// How long a task is kept after its run has failed.
            keep_failed: Duration as duration = Duration::from_hours(30 * 24), in TASKS_KEPT;
            /// Maximum number of tasks kept per pipeline, not counting failed ones; those that ended
            /// first are removed first.
            kept_max: usize as count = 10_000, in MANY;
            /// The same for failed tasks, so that others do not displace them.
            failed_kept_max: usize as count = 10_000, in MANY;
            /// Maximum size of the errors, progress messages and notes kept per pipeline; those of
            /// failed tasks may use as much again.
            kept_bytes_max: u64 as bytes = 64 << 20, in 1 ..= 1 << 40;
            /// Maximum size of the notes of one run, as JSON; beyond it the oldest are removed.
            notes_bytes_max: usize as bytes = 32 << 10, in 2 << 10 ..= 1 << 20;
            /// Maximum size of a page of tasks, as JSON. A page has one task at least; the next page
            /// has those that did not fit.
            page_bytes_max: usize as bytes = 8 << 20, in 1 ..= 1 << 30;
        }
    } };
}

tasks_table!(settings);
