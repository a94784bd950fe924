//! The numbers that other services keep, read at each scrape.

use hayrick_types::job::JobCounts;
use hayrick_types::pipeline::PipelineStatus;

/// The numbers that others keep, at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub pipelines: Vec<PipelineStatus>,
    /// Of each pipeline that has jobs.
    pub jobs: Vec<(String, JobCounts)>,
    pub upstreams: Vec<UpstreamNumbers>,
    /// Bytes of request bodies in memory.
    pub body_bytes: u64,
    /// Bytes of uploaded files on disk.
    pub spool_bytes: u64,
}

/// The numbers of one upstream.
#[derive(Debug)]
pub struct UpstreamNumbers {
    pub alias: String,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Requests at this moment.
    pub active: u64,
    /// Requests that wait for a place.
    pub waiting: u64,
}
