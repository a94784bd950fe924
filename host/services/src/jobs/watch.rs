//! A look at one job that follows its changes.

use std::sync::Arc;

use hayrick_types::job::{Job, JobId};

use crate::jobs::error::JobError;
use crate::jobs::news::Listener;
use crate::jobs::store::JobStore;

/// The changes of one job, seen by this process. Dropping it ends the look.
pub struct JobWatch {
    store: Arc<dyn JobStore>,
    listener: Listener,
    pipeline: String,
    id: JobId,
    /// Revision of the newest snapshot that was given.
    seen: u64,
}

impl JobWatch {
    /// Gives snapshots that are newer than the revision `after`.
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
        }
    }

    /// The newest snapshot, once there is one that was not given yet. Changes that follow on each
    /// other quickly may be one. A final job changes only if it is retried by hand, so ask no
    /// further without a reason. A call that is dropped loses nothing.
    ///
    /// # Errors
    /// The job is not there, or cannot be read.
    pub async fn changed(&mut self) -> Result<Job, JobError> {
        loop {
            let job = self.store.get(&self.pipeline, self.id).await?;
            if job.revision > self.seen {
                self.seen = job.revision;
                return Ok(job);
            }
            self.listener.changed().await;
        }
    }
}
