//! The handle of jobs for those who submit and ask. What workers do with it stands in `lease`.

use std::sync::Arc;
use std::time::Duration;

use hayrick_types::job::{
    Job, JobCounts, JobFilter, JobId, JobPage, JobStatus, Submission, Submitted,
};

use crate::jobs::config::JobsConfig;
use crate::jobs::error::JobError;
use crate::jobs::news::News;
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
    pub(super) news: Arc<News>,
    pub(super) reports: Arc<Reports>,
    pub(super) metrics: Metrics,
}

impl Jobs {
    /// Jobs in this store, which nobody else of this process writes to: whoever waits here learns
    /// of no other changes.
    pub fn new(store: Arc<dyn JobStore>, config: JobsConfig, metrics: Metrics) -> Jobs {
        let news = Arc::new(News::default());
        let reports = Reports::new(
            Arc::clone(&store),
            Arc::clone(&news),
            config.progress_interval,
        );
        Jobs {
            store,
            config: Arc::new(config),
            news,
            reports: Arc::new(reports),
            metrics,
        }
    }

    /// Keeps a job. Once this returns, it survives whatever happens to the process. Same
    /// idempotency key, kind and data as a job that is there: that job.
    ///
    /// # Errors
    /// Something is too long, no JSON or out of range; the key belongs to another job; too many
    /// jobs of the pipeline wait; the disk is full.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, JobError> {
        let new = submission::check(submission, &self.config)?;
        let _call = self.news.work_added_afterwards();
        self.store.submit(new).await
    }

    /// One job of a pipeline.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
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

    /// Cancels a pending job at once, and asks the attempt of a running one to end: from now on the
    /// job cannot complete. A final job stays as it is.
    ///
    /// # Errors
    /// There is none of this id, or the disk is full.
    pub async fn cancel(&self, pipeline: &str, id: JobId) -> Result<Job, JobError> {
        let job = self.store.cancel(pipeline, id).await?;
        if job.status == JobStatus::Running {
            self.news.cancelled(id);
        } else {
            self.news.changed(id);
        }
        Ok(job)
    }

    /// Tries a failed or cancelled job again: it is pending, with all its attempts before it.
    ///
    /// # Errors
    /// There is none of this id, it is in another status, too many jobs of the pipeline wait, or
    /// the disk is full.
    pub async fn retry(&self, pipeline: &str, id: JobId) -> Result<Job, JobError> {
        let _call = self.news.work_added_afterwards();
        let job = self.store.retry(pipeline, id).await?;
        self.news.changed(id);
        Ok(job)
    }

    /// The job once it is final, or as it is after `timeout`.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
    pub async fn wait(
        &self,
        pipeline: &str,
        id: JobId,
        timeout: Duration,
    ) -> Result<Job, JobError> {
        let ended = async {
            let mut watch = self.watch(pipeline, id, None);
            loop {
                let job = watch.changed().await?;
                if job.status.is_final() {
                    return Ok(job);
                }
            }
        };
        match tokio::time::timeout(timeout, ended).await {
            Ok(ended) => ended,
            Err(_) => self.get(pipeline, id).await,
        }
    }

    /// Follows a job: from its newest snapshot on, or from the first that is newer than the
    /// revision `after`.
    pub fn watch(&self, pipeline: &str, id: JobId, after: Option<u64>) -> JobWatch {
        JobWatch::new(
            Arc::clone(&self.store),
            self.news.listen(id),
            pipeline.to_owned(),
            id,
            after.unwrap_or(0),
        )
    }
}
