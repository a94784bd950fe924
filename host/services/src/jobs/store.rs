//! The interface of a job store, so that another engine can replace the first.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use hayrick_types::job::{
    AttemptEnd, Claimed, Job, JobCounts, JobFilter, JobId, JobPage, JobStatus, Lease, OwnerId,
    Progress, Submitted,
};
use hayrick_types::settings::jobs::Retention;

use crate::jobs::error::JobError;

/// Resolves once the outcome is on disk.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, JobError>> + Send + 'a>>;

/// A checked submission, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    pub id: JobId,
    pub pipeline: String,
    pub kind: String,
    /// A JSON document.
    pub data: String,
    pub idempotency_key: Option<String>,
    pub delay: Duration,
    pub priority: i16,
    pub attempts_max: u32,
    /// Of one attempt.
    pub timeout: Duration,
    /// Pending jobs the pipeline may have, this one included; `None` means the store's own bound.
    pub pending_max: Option<u64>,
}

/// What a worker has room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub owner: OwnerId,
    /// Free places of each pipeline that is ready to run.
    pub wanted: BTreeMap<String, usize>,
    /// Free places in all.
    pub slots: usize,
}

/// Why a running attempt should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Somebody asked to cancel it: end the attempt and say so.
    CancelRequested(Lease),
    /// Another attempt holds it, or it is final or deleted: end this attempt and discard its work.
    Lost(Lease),
}

/// A job that was taken back from a dead process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclaimed {
    pub id: JobId,
    pub pipeline: String,
    pub status: JobStatus,
    /// How often the host died during its attempts.
    pub crashes: u32,
    /// How often it did while no other job ran that could be the cause.
    pub crashes_alone: u32,
}

/// Durable jobs and their state machine. Every call but [`JobStore::sweep`] is one transaction.
///
/// A worker's writes carry the lease of its attempt. Once the attempt no longer holds the job, they
/// change nothing and fail with [`JobError::Lost`].
pub trait JobStore: Send + Sync {
    /// Stores a new job, or finds the one with its idempotency key.
    ///
    /// # Errors
    /// The key names a job of another kind or with other data; too many jobs are pending.
    fn submit(&self, new: NewJob) -> StoreFuture<'_, Submitted>;

    /// One job of a pipeline.
    ///
    /// # Errors
    /// The pipeline has no such job.
    fn get<'a>(&'a self, pipeline: &'a str, id: JobId) -> StoreFuture<'a, Job>;

    /// Jobs of a pipeline, newest first.
    fn list(&self, filter: JobFilter) -> StoreFuture<'_, JobPage>;

    /// How many jobs a pipeline has, by status.
    fn counts<'a>(&'a self, pipeline: &'a str) -> StoreFuture<'a, JobCounts>;

    /// The pipelines with pending jobs, and how many, by name.
    fn pending(&self) -> StoreFuture<'_, Vec<(String, u64)>>;

    /// Cancels a pending job at once and asks a running one to end; a final one stays as it is.
    ///
    /// # Errors
    /// The pipeline has no such job.
    fn cancel<'a>(&'a self, pipeline: &'a str, id: JobId) -> StoreFuture<'a, Job>;

    /// Makes a failed or cancelled job pending, with all its attempts left. Its checkpoint stays.
    ///
    /// # Errors
    /// The pipeline has no such job, it is in another status, or too many jobs are pending.
    fn retry<'a>(&'a self, pipeline: &'a str, id: JobId) -> StoreFuture<'a, Job>;

    /// Begins attempts of jobs that are due: by priority, then by time, then by id; never more than
    /// there are places. Of the jobs that may have made the host die, one runs at a time.
    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<Claimed>>;

    /// Which of these attempts should end.
    fn heartbeat(&self, held: Vec<Lease>) -> StoreFuture<'_, Vec<Notice>>;

    /// Stores the progress of an attempt.
    ///
    /// # Errors
    /// The lease is lost.
    fn report(&self, lease: Lease, progress: Progress) -> StoreFuture<'_, ()>;

    /// Stores a JSON document for the next attempt; it replaces the last one.
    ///
    /// # Errors
    /// The lease is lost.
    fn checkpoint(&self, lease: Lease, document: String) -> StoreFuture<'_, ()>;

    /// Ends an attempt and returns the job as it then is. If a cancel was requested meanwhile, the
    /// job is cancelled.
    ///
    /// # Errors
    /// The lease is lost.
    fn finish(&self, lease: Lease, end: AttemptEnd) -> StoreFuture<'_, Job>;

    /// Takes back every running job of another owner: those processes are dead, because one process
    /// has the store to itself.
    fn reclaim(&self, owner: OwnerId) -> StoreFuture<'_, Vec<Reclaimed>>;

    /// When the next job becomes due that no claim has found due yet, as Unix time in milliseconds;
    /// it may be in the past.
    fn next_due(&self) -> StoreFuture<'_, Option<u64>>;

    /// Deletes final jobs that were kept long enough, and returns how many.
    fn sweep(&self, retention: Retention) -> StoreFuture<'_, u64>;
}
