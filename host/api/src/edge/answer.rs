//! What the socket of a client has to know about the answer in progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the socket has to know about its answer. A cheap handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer(Arc<Progress>);

#[derive(Debug, Default)]
struct Progress {
    is_in_progress: AtomicBool,
    /// Whether only the end of the connection tells where the answer ends.
    ends_with_connection: AtomicBool,
}

/// An answer in progress, until it is dropped.
#[derive(Debug)]
pub(crate) struct InProgress(Answer);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.0.is_in_progress.store(false, Ordering::Relaxed);
    }
}

impl Answer {
    /// An answer begins.
    pub(crate) fn begin(&self, version: hyper::Version) -> InProgress {
        let is_old = version < hyper::Version::HTTP_11;
        self.0.ends_with_connection.store(is_old, Ordering::Relaxed);
        self.0.is_in_progress.store(true, Ordering::Relaxed);
        InProgress(self.clone())
    }

    /// Whether the client waits for more of an answer.
    pub(super) fn is_in_progress(&self) -> bool {
        self.0.is_in_progress.load(Ordering::Relaxed)
    }

    /// Whether the end of the connection would look like the end of an answer.
    pub(super) fn ends_with_connection(&self) -> bool {
        self.0.ends_with_connection.load(Ordering::Relaxed)
    }

    /// The answer is complete.
    pub(super) fn complete(&self) {
        self.0.ends_with_connection.store(false, Ordering::Relaxed);
    }
}
