//! The queue for those who submit jobs and follow them. The worker's side is in `lease`.

use std::sync::Arc;
use std::time::Duration;

use hayrick_types::job::{
    Job, JobCounts, JobFilter, JobId, JobPage, JobStatus, Submission, Submitted,
};
use tokio::sync::Semaphore;

use crate::jobs::config::JobsConfig;
use crate::jobs::error::JobError;
use crate::jobs::notifier::Notifier;
use crate::jobs::progress::Reports;
use crate::jobs::store::JobStore;
use crate::jobs::submission;
use crate::jobs::watch::JobWatch;
use crate::metrics::Metrics;

/// The jobs of this host. A cheap handle.
#[derive(Clone)]
pub struct Jobs {
    pub(super) store: Arc<dyn JobStore>,
    pub(super) config: Arc<JobsConfig>,
    pub(super) notifier: Arc<Notifier>,
    pub(super) reports: Arc<Reports>,
    pub(super) metrics: Metrics,
}

impl Jobs {
    /// Jobs in this store. Nobody else in this process may write to it: waiters learn only of changes
    /// made here.
    pub fn new(store: Arc<dyn JobStore>, config: JobsConfig, metrics: Metrics) -> Jobs {
        let notifier = Arc::new(Notifier::default());
        let reports = Reports::new(
            Arc::clone(&store),
            Arc::clone(&notifier),
            config.progress_interval,
        );
        Jobs {
            store,
            config: Arc::new(config),
            notifier,
            reports: Arc::new(reports),
            metrics,
        }
    }

    /// Submits a job. Once this returns, the job survives whatever happens to the process. A second
    /// submission with the same idempotency key, kind and data returns the first job.
    ///
    /// # Errors
    /// Something is too long, not JSON or out of range; the key belongs to another job; too many jobs
    /// of the pipeline are pending; the disk is full.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, JobError> {
        let new = submission::check(submission, &self.config)?;
        let _call = self.notifier.work_added_afterwards();
        self.store.submit(new).await
    }

    /// One job of a pipeline.
    ///
    /// # Errors
    /// The pipeline has no such job, or it cannot be read.
    pub async fn get(&self, pipeline: &str, id: JobId) -> Result<Job, JobError> {
        self.store.get(pipeline, id).await
    }

    /// Jobs of a pipeline, newest first, at most `page_jobs_max`.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn list(&self, filter: JobFilter) -> Result<JobPage, JobError> {
        let limit = filter.limit.clamp(1, self.config.page_jobs_max);
        self.store.list(JobFilter { limit, ..filter }).await
    }

    /// How many jobs a pipeline has, by status.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn counts(&self, pipeline: &str) -> Result<JobCounts, JobError> {
        self.store.counts(pipeline).await
    }

    /// The pipelines with pending jobs, and how many each has, by name.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn pending(&self) -> Result<Vec<(String, u64)>, JobError> {
        self.store.pending().await
    }

    /// Cancels a pending job at once, and asks the attempt of a running one to end: from now on the
    /// job cannot complete. A final job stays as it is.
    ///
    /// # Errors
    /// The pipeline has no such job, or the disk is full.
    pub async fn cancel(&self, pipeline: &str, id: JobId) -> Result<Job, JobError> {
        let job = self.store.cancel(pipeline, id).await?;
        if job.status == JobStatus::Running {
            self.notifier.cancelled(id);
        } else {
            self.notifier.changed(id);
        }
        Ok(job)
    }

    /// Retries a failed or cancelled job: it becomes pending, with all its attempts left.
    ///
    /// # Errors
    /// The pipeline has no such job, it is in another status, too many jobs of the pipeline are
    /// pending, or the disk is full.
    pub async fn retry(&self, pipeline: &str, id: JobId) -> Result<Job, JobError> {
        let _call = self.notifier.work_added_afterwards();
        let job = self.store.retry(pipeline, id).await?;
        self.notifier.changed(id);
        Ok(job)
    }

    /// The job once it is final, or as it is after `timeout`. Each read holds a permit of `reads`.
    ///
    /// # Errors
    /// The pipeline has no such job, or it cannot be read.
    pub async fn wait(
        &self,
        pipeline: &str,
        id: JobId,
        timeout: Duration,
        reads: Option<Arc<Semaphore>>,
    ) -> Result<Job, JobError> {
        let mut watch = self.watch(pipeline, id, None).within(reads);
        let ended = async {
            loop {
                let job = watch.changed().await?;
                if job.status.is_final() {
                    return Ok(job);
                }
            }
        };
        let ended = tokio::time::timeout(timeout, ended).await;
        match ended {
            Ok(ended) => ended,
            Err(_) => watch.now().await,
        }
    }

    /// Follows a job: from its newest snapshot on, or from the first that is newer than the
    /// revision `after`.
    pub fn watch(&self, pipeline: &str, id: JobId, after: Option<u64>) -> JobWatch {
        JobWatch::new(
            Arc::clone(&self.store),
            self.notifier.listen(id),
            pipeline.to_owned(),
            id,
            after.unwrap_or(0),
        )
    }
}
