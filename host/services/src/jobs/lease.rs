//! The worker's side of the queue: it claims jobs, holds them during an attempt, and reports how
//! the attempt ended.

use hayrick_types::job::{AttemptEnd, Claimed, Job, JobStatus, Lease, OwnerId, Progress};
use hayrick_types::limit_name::LimitName;

use crate::jobs::error::JobError;
use crate::jobs::queue::Jobs;
use crate::jobs::store::{Claim, Notice, Reclaimed};
use crate::jobs::submission::check_json;

/// The end of a truncated error.
const CUT: &str = " … (cut)";

/// A write of an attempt that no longer holds its job changes nothing and fails with
/// [`JobError::Lost`]: the worker ends that attempt and discards its work.
impl Jobs {
    /// Returns once there may be a job to claim, or [`Jobs::next_due`] may have changed; at once if
    /// that happened since the last call. For one worker.
    pub async fn work_added(&self) {
        self.notifier.work().await;
    }

    /// When the next job becomes due that no claim has found due yet, as Unix time in milliseconds;
    /// it may be in the past. Jobs that are due and wait for a free place do not count.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn next_due(&self) -> Result<Option<u64>, JobError> {
        self.store.next_due().await
    }

    /// Begins attempts of jobs that are due, as many as there are places. Await it to its end:
    /// dropped halfway, it may mark jobs as running that nobody runs until the process ends.
    ///
    /// # Errors
    /// Nothing was claimed: the disk is full or failing.
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, JobError> {
        let claimed = self.store.claim(claim).await?;
        for begun in &claimed {
            self.notifier.begun(begun.job.id);
        }
        Ok(claimed)
    }

    /// Returns once somebody asks to cancel the job, or when it no longer runs.
    pub async fn cancelled(&self, pipeline: &str, lease: Lease) {
        let mut listener = self.notifier.listen(lease.id);
        match self.store.get(pipeline, lease.id).await {
            Ok(job) if job.status == JobStatus::Running && !job.cancel_requested => {
                listener.cancelled().await
            }
            // Asked for before this listened.
            Ok(_) | Err(JobError::NotFound { .. }) => {}
            // Heartbeats ask a store that failed again, and their answer arrives here.
            Err(_) => listener.cancelled().await,
        }
    }

    /// Asks which of the running attempts should end.
    ///
    /// # Errors
    /// The store cannot be read; the attempts may continue.
    pub async fn heartbeat(&self, held: Vec<Lease>) -> Result<Vec<Notice>, JobError> {
        let notices = self.store.heartbeat(held).await?;
        for notice in &notices {
            match notice {
                Notice::CancelRequested(lease) => self.notifier.cancelled(lease.id),
                Notice::Lost(lease) => drop(self.reports.forget(*lease)),
            }
        }
        Ok(notices)
    }

    /// Reports the attempt's progress. It may be written a little later, or not at all if a newer
    /// report follows. A message that is too long is truncated.
    ///
    /// # Errors
    /// The lease is lost; the disk is full.
    pub async fn report(&self, lease: Lease, mut progress: Progress) -> Result<(), JobError> {
        let max = self.config.settings.progress_message_bytes_max;
        progress.message = progress.message.map(|message| cut(message, max));
        self.reports.report(lease, progress).await
    }

    /// Saves a JSON document for the next attempt; it replaces the last one.
    ///
    /// # Errors
    /// It is too long or not JSON; the lease is lost; the disk is full.
    pub async fn checkpoint(&self, lease: Lease, document: String) -> Result<(), JobError> {
        check_json(
            "the checkpoint",
            &document,
            self.config.settings.checkpoint_bytes_max,
            LimitName::JobCheckpointBytesMax,
        )?;
        self.store.checkpoint(lease, document).await
    }

    /// Ends the attempt and returns the job as it then is. A result that is too long or not JSON
    /// fails the attempt.
    ///
    /// # Errors
    /// The lease is lost; or the disk is full, and calling again may help.
    pub async fn finish(&self, lease: Lease, end: AttemptEnd) -> Result<Job, JobError> {
        if let Err(error) = self.reports.flush(lease).await {
            tracing::warn!(job = %lease.id, %error, "the last progress report was not saved");
        }
        let (end, limit) = self.within_limits(end);
        let job = self.store.finish(lease, end).await?;
        if let Some(limit) = limit {
            self.reached(&job.pipeline, limit);
        }
        self.notifier.changed(job.id);
        if job.status == JobStatus::Pending {
            self.notifier.work_added();
        }
        Ok(job)
    }

    /// The end as it is kept, and the limit that a result exceeds.
    fn within_limits(&self, end: AttemptEnd) -> (AttemptEnd, Option<LimitName>) {
        let end = match end {
            AttemptEnd::Completed(result) => return self.checked(result),
            AttemptEnd::Retry { error, delay } => AttemptEnd::Retry {
                error: cut(error, self.config.error_bytes_max),
                delay,
            },
            AttemptEnd::Failed(error) => {
                AttemptEnd::Failed(cut(error, self.config.error_bytes_max))
            }
            AttemptEnd::Cancelled | AttemptEnd::Released => end,
        };
        (end, None)
    }

    fn checked(&self, result: String) -> (AttemptEnd, Option<LimitName>) {
        let (max, limit) = (
            self.config.settings.result_bytes_max,
            LimitName::JobResultBytesMax,
        );
        match check_json("the job's result", &result, max, limit) {
            Ok(()) => (AttemptEnd::Completed(result), None),
            Err(error) => {
                let limit = error.limit();
                (AttemptEnd::Failed(error.to_string()), limit)
            }
        }
    }

    /// Counts a limit that a job of the pipeline reached.
    fn reached(&self, pipeline: &str, limit: LimitName) {
        self.metrics.plugin(&pipeline.into()).reached(limit);
    }

    /// Takes back the jobs of dead processes; a worker does so first.
    ///
    /// # Errors
    /// Nothing was taken back: the disk is full or failing.
    pub async fn reclaim(&self, owner: OwnerId) -> Result<Vec<Reclaimed>, JobError> {
        let reclaimed = self.store.reclaim(owner).await?;
        for job in &reclaimed {
            self.notifier.changed(job.id);
            let crashed = job.crashes_alone >= self.config.settings.crashes_max;
            if crashed && job.status == JobStatus::Failed {
                self.reached(&job.pipeline, LimitName::JobCrashesMax);
            }
        }
        self.notifier.work_added();
        Ok(reclaimed)
    }

    /// Deletes final jobs that are older than the configured retention, and returns how many.
    ///
    /// # Errors
    /// The disk is failing; some may be deleted.
    pub async fn sweep(&self) -> Result<u64, JobError> {
        self.store.sweep(self.config.retention).await
    }
}

/// Truncates a text that is too long, and marks it as truncated.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub(CUT.len())));
        text.push_str(CUT);
    }
    text
}
