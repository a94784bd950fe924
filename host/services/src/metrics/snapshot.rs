//! What is asked of its owners when somebody looks.

use hayrick_types::job::JobCounts;
use hayrick_types::pipeline::PipelineStatus;

/// The numbers that others keep, at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub pipelines: Vec<PipelineStatus>,
    /// Of each pipeline that has jobs.
    pub jobs: Vec<(String, JobCounts)>,
    pub upstreams: Vec<UpstreamNumbers>,
}

/// What is known of one upstream.
#[derive(Debug)]
pub struct UpstreamNumbers {
    pub alias: String,
    /// Requests sent, again ones included.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Requests at this moment.
    pub active: u64,
}
