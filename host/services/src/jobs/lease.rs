//! The worker's side of jobs: to claim them, to hold them while an attempt lasts, to say how it
//! ended.

use std::time::Duration;

use hayrick_types::job::{AttemptEnd, Claimed, Job, JobStatus, Lease, OwnerId, Progress};
use hayrick_types::limit_name::LimitName;

use crate::jobs::error::JobError;
use crate::jobs::queue::Jobs;
use crate::jobs::store::{Claim, Notice, Reclaimed};
use crate::jobs::submission::{check_json, check_length};

/// What an error that was cut ends with.
const CUT: &str = " … (cut)";

/// A write of an attempt that no longer holds its job changes nothing and fails with
/// [`JobError::Lost`]: the attempt is to be ended, and what it did dropped.
impl Jobs {
    /// Returns once something may have come to be claimed, or [`Jobs::next_due`] may be another; at
    /// once if that was so since the last call. For one worker.
    pub async fn work_added(&self) {
        self.news.work().await;
    }

    /// When the first job falls due that no claim has found due yet, as Unix time in milliseconds;
    /// it may be past. A job that is due and was not claimed for want of places is not meant: it
    /// waits for a place.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn next_due(&self) -> Result<Option<u64>, JobError> {
        self.store.next_due().await
    }

    /// Begins attempts of jobs that are due, as many as there are places. Await it to its end:
    /// dropped halfway, it may leave jobs running that nobody runs, until the process ends.
    ///
    /// # Errors
    /// Nothing was claimed: the disk is full or failing.
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, JobError> {
        let claimed = self.store.claim(claim).await?;
        for begun in &claimed {
            self.news.begun(begun.job.id);
        }
        Ok(claimed)
    }

    /// Returns once somebody asks to cancel the job, or if it does not run any more.
    pub async fn cancelled(&self, pipeline: &str, lease: Lease) {
        let mut listener = self.news.listen(lease.id);
        match self.store.get(pipeline, lease.id).await {
            Ok(job) if job.status == JobStatus::Running && !job.cancel_requested => {
                listener.cancelled().await
            }
            // Asked for before this listened.
            Ok(_) | Err(JobError::NotFound { .. }) => {}
            // A store that does not answer is asked again by the heartbeats, which are heard here.
            Err(_) => listener.cancelled().await,
        }
    }

    /// Says that attempts go on, and learns of those that should not.
    ///
    /// # Errors
    /// The store does not answer; the attempts may go on until their lease is over.
    pub async fn heartbeat(
        &self,
        owner: OwnerId,
        held: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<Notice>, JobError> {
        let notices = self.store.heartbeat(owner, held, lease).await?;
        for notice in &notices {
            match notice {
                Notice::CancelRequested(lease) => self.news.cancelled(lease.id),
                Notice::Lost(lease) => drop(self.reports.forget(*lease)),
            }
        }
        Ok(notices)
    }

    /// Says how far the attempt has come. It may be written a little later, or not at all if a
    /// newer report follows.
    ///
    /// # Errors
    /// The message is too long; the lease is lost; the disk is full.
    pub async fn report(&self, lease: Lease, progress: Progress) -> Result<(), JobError> {
        if let Some(message) = &progress.message {
            check_length(
                "the message of the progress",
                message,
                self.config.progress_message_bytes_max,
                None,
            )?;
        }
        self.reports.report(lease, progress).await
    }

    /// Keeps a JSON document for the next attempt, in place of the last one.
    ///
    /// # Errors
    /// It is too long or no JSON; the lease is lost; the disk is full.
    pub async fn checkpoint(&self, lease: Lease, document: String) -> Result<(), JobError> {
        check_json(
            "the checkpoint",
            &document,
            self.config.settings.checkpoint_bytes_max,
            LimitName::JobCheckpointBytesMax,
        )?;
        self.store.checkpoint(lease, document).await
    }

    /// Ends the attempt, and gives the job as it then is. A result that is too long or no JSON
    /// makes it one that failed.
    ///
    /// # Errors
    /// The lease is lost; the disk is full, in which case it is worth calling again.
    pub async fn finish(&self, lease: Lease, end: AttemptEnd) -> Result<Job, JobError> {
        if let Err(error) = self.reports.flush(lease).await {
            tracing::warn!(job = %lease.id, %error, "the last report of progress was not kept");
        }
        let (end, limit) = self.within_limits(end);
        let job = self.store.finish(lease, end).await?;
        if let Some(limit) = limit {
            self.reached(&job.pipeline, limit);
        }
        self.news.changed(job.id);
        if job.status == JobStatus::Pending {
            self.news.work_added();
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

    /// Takes back what dead processes hold; the first thing a worker does.
    ///
    /// # Errors
    /// Nothing was taken back: the disk is full or failing.
    pub async fn reclaim(&self, owner: OwnerId) -> Result<Vec<Reclaimed>, JobError> {
        let reclaimed = self.store.reclaim(owner).await?;
        for job in &reclaimed {
            self.news.changed(job.id);
            let crashed = job.crashes >= self.config.settings.crashes_max;
            if crashed && job.status == JobStatus::Failed {
                self.reached(&job.pipeline, LimitName::JobCrashesMax);
            }
        }
        self.news.work_added();
        Ok(reclaimed)
    }

    /// Forgets final jobs that were kept as long as the configuration says; how many.
    ///
    /// # Errors
    /// The disk is failing; some may be gone.
    pub async fn sweep(&self) -> Result<usize, JobError> {
        self.store.sweep(self.config.retention).await
    }
}

/// Shortens a text that is too long, and says so in it.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub(CUT.len())));
        text.push_str(CUT);
    }
    text
}
