//! One attempt: runs it, forwards its progress, ends it on request, and stores its outcome.

use std::sync::Arc;
use std::time::Duration;

use hayrick_runtime::runtime::Runtime;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::queue::Jobs;
use hayrick_types::job::{AttemptEnd, Claimed, Lease, Progress};
use tokio::sync::watch;
use tokio::time::sleep;

/// How long to wait before storing an outcome again; it doubles up to the second value.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Runs the attempts of a worker.
#[derive(Clone)]
pub(crate) struct AttemptRunner {
    pub(crate) jobs: Jobs,
    pub(crate) runtime: Runtime,
    /// Becomes true when running attempts should give their jobs back.
    pub(crate) release: watch::Receiver<bool>,
}

impl AttemptRunner {
    /// Runs an attempt to its end.
    pub(crate) async fn run(mut self, claimed: Claimed) -> Lease {
        let lease = claimed.lease();
        let (job, pipeline, attempt) =
            (lease.id, claimed.job.pipeline.clone(), claimed.job.attempt);
        tracing::info!(%job, pipeline, attempt, "attempt begun");
        let (sender, progress) = watch::channel(None);
        let attempt_end = async {
            tokio::select! {
                end = self.runtime.run_job(claimed, Arc::new(sender)) => end,
                () = self.jobs.cancelled(&pipeline, lease) => AttemptEnd::Cancelled,
                () = released(&mut self.release) => AttemptEnd::Released,
            }
        };
        let (end, ()) = tokio::join!(attempt_end, forward(&self.jobs, lease, progress));
        tracing::info!(%job, pipeline, attempt, outcome = name(&end), "attempt ended");
        self.finish(lease, end).await;
        lease
    }

    /// Retries until the outcome is stored: a full disk must not cost the work that was done.
    async fn finish(&self, lease: Lease, end: AttemptEnd) {
        let (mut wait, longest) = RETRY;
        loop {
            match self.jobs.finish(lease, end.clone()).await {
                Ok(_) => return,
                Err(JobError::Lost { id }) => {
                    return tracing::warn!(job = %id, "the attempt had lost its job: its outcome is discarded");
                }
                Err(error) => {
                    tracing::error!(job = %lease.id, %error, "the outcome of an attempt cannot be stored: retrying")
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }
}

/// Forwards progress to the queue. Ends with the run, which holds the sender, after the newest
/// report.
async fn forward(jobs: &Jobs, lease: Lease, mut progress: watch::Receiver<Option<Progress>>) {
    while progress.changed().await.is_ok() {
        let newest = progress.borrow_and_update().clone();
        if let Some(newest) = newest
            && let Err(error) = jobs.report(lease, newest).await
        {
            tracing::debug!(job = %lease.id, %error, "progress was not stored");
        }
    }
}

async fn released(release: &mut watch::Receiver<bool>) {
    if release.wait_for(|&release| release).await.is_err() {
        // The worker is gone, and this task with it.
        std::future::pending::<()>().await;
    }
}

fn name(end: &AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Completed(_) => "completed",
        AttemptEnd::Retry { .. } => "failed, will be retried",
        AttemptEnd::Failed(_) => "failed for good",
        AttemptEnd::Cancelled => "cancelled",
        AttemptEnd::Released => "given back",
    }
}
