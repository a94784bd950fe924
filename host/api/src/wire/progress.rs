//! The progress of a run, as jobs and tasks show it.

use hayrick_types::job::Progress;
use serde::Serialize;

/// How far a run has come.
#[derive(Debug, Serialize)]
pub(crate) struct ProgressView {
    done: u64,
    total: Option<u64>,
    message: Option<String>,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> ProgressView {
        ProgressView {
            done: progress.done,
            total: progress.total,
            message: progress.message,
        }
    }
}
