//! Jobs as JSON. Times are Unix times in seconds with a fraction; durations are in seconds.

use hayrick_types::job::{Job, JobCounts, JobPage, JobStatus};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::wire::progress::ProgressView;
use crate::wire::times::seconds;

/// One job.
#[derive(Debug, Serialize)]
pub(super) struct JobView {
    pub(super) id: String,
    pub(super) pipeline: String,
    #[serde(rename = "type")]
    kind: String,
    status: &'static str,
    created_at: f64,
    started_at: Option<f64>,
    completed_at: Option<f64>,
    result: Option<Box<RawValue>>,
    error: Option<String>,
    progress: Option<ProgressView>,
    attempt: u32,
    max_attempts: u32,
    /// When a pending job's next attempt may begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_at: Option<f64>,
    /// Why no attempt can begin now.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cancel_requested: bool,
    crashes: u32,
    priority: i16,
    timeout: f64,
    data: Option<Box<RawValue>>,
    revision: u64,
}

impl JobView {
    /// The job as a client sees it. If its pipeline cannot run jobs, `obstacle` says why.
    pub(super) fn new(job: Job, obstacle: Option<String>) -> JobView {
        // The store has only JSON that was checked when it came in.
        let document = |text: String| RawValue::from_string(text).ok();
        JobView {
            id: job.id.to_string(),
            pipeline: job.pipeline,
            kind: job.kind,
            status: job.status.as_str(),
            created_at: seconds(job.created_at),
            started_at: job.started_at.map(seconds),
            completed_at: job.completed_at.map(seconds),
            result: job.result.and_then(document),
            error: job.error,
            progress: job.progress.map(ProgressView::from),
            attempt: job.attempt,
            max_attempts: job.attempts_max,
            run_at: (job.status == JobStatus::Pending).then(|| seconds(job.run_at)),
            waiting_for: obstacle.filter(|_| job.status == JobStatus::Pending),
            cancel_requested: job.cancel_requested && !job.status.is_final(),
            crashes: job.crashes,
            priority: job.priority,
            timeout: job.timeout.as_secs_f64(),
            data: document(job.data),
            revision: job.revision,
        }
    }
}

/// A page of jobs, newest first.
#[derive(Debug, Serialize)]
pub(super) struct ListView {
    object: &'static str,
    data: Vec<JobView>,
    /// The client sends it as `before` to get the next page.
    next: Option<String>,
    counts: CountsView,
}

#[derive(Debug, Serialize)]
struct CountsView {
    pending: u64,
    running: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
}

impl ListView {
    pub(super) fn new(page: JobPage, counts: JobCounts, obstacle: Option<String>) -> ListView {
        let JobCounts {
            pending,
            running,
            completed,
            failed,
            cancelled,
        } = counts;
        ListView {
            object: "list",
            data: page
                .jobs
                .into_iter()
                .map(|job| JobView::new(job, obstacle.clone()))
                .collect(),
            next: page.next.map(|id| id.to_string()),
            counts: CountsView {
                pending,
                running,
                completed,
                failed,
                cancelled,
            },
        }
    }

    /// Whether the pipeline has no jobs at all.
    pub(super) fn is_empty(&self) -> bool {
        let CountsView {
            pending,
            running,
            completed,
            failed,
            cancelled,
        } = self.counts;
        self.data.is_empty() && pending + running + completed + failed + cancelled == 0
    }
}
