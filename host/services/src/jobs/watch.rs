//! Follows the changes of one job.

use std::sync::Arc;

use hayrick_types::job::{Job, JobId};
use tokio::sync::Semaphore;

use crate::jobs::error::JobError;
use crate::jobs::notifier::Listener;
use crate::jobs::store::JobStore;

/// The changes of one job that this process makes.
pub struct JobWatch {
    store: Arc<dyn JobStore>,
    listener: Listener,
    pipeline: String,
    id: JobId,
    /// Revision of the newest snapshot that was returned.
    seen: u64,
    /// Whose permit each read holds until its snapshot is returned.
    reads: Option<Arc<Semaphore>>,
}

impl JobWatch {
    /// Returns snapshots that are newer than the revision `after`.
    pub(super) fn new(
        store: Arc<dyn JobStore>,
        listener: Listener,
        pipeline: String,
        id: JobId,
        after: u64,
    ) -> JobWatch {
        JobWatch {
            store,
            listener,
            pipeline,
            id,
            seen: after,
            reads: None,
        }
    }

    /// Makes each read hold a permit until its snapshot is returned: so snapshots that wait for a
    /// slow caller are few.
    pub(super) fn within(self, reads: Option<Arc<Semaphore>>) -> JobWatch {
        JobWatch { reads, ..self }
    }

    /// Waits for a newer snapshot. Quick changes may be merged into one. A final job changes only if
    /// somebody retries it, so stop there. Cancel-safe.
    ///
    /// # Errors
    /// The pipeline has no such job, or it cannot be read.
    pub async fn changed(&mut self) -> Result<Job, JobError> {
        loop {
            let job = self.now().await?;
            if job.revision > self.seen {
                self.seen = job.revision;
                return Ok(job);
            }
            self.listener.changed().await;
        }
    }

    /// The job as it is.
    ///
    /// # Errors
    /// As [`JobWatch::changed`].
    pub(super) async fn now(&self) -> Result<Job, JobError> {
        // The semaphore is never closed, so this does not fail.
        let _read = match &self.reads {
            Some(reads) => reads.acquire().await.ok(),
            None => None,
        };
        self.store.get(&self.pipeline, self.id).await
    }
}
