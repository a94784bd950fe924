//! What a store of jobs can do, so that another engine can stand in for the first.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use hayrick_types::job::{
    AttemptEnd, Claimed, Job, JobCounts, JobFilter, JobId, JobPage, JobStatus, Lease, OwnerId,
    Progress, Submitted,
};
use hayrick_types::settings::jobs::Retention;

use crate::jobs::error::JobError;

/// What a store answers once it is on disk.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, JobError>> + Send + 'a>>;

/// A submission that was checked, with nothing left open.
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
    /// Pending jobs the pipeline may have, this one included; `None` is the store's own bound.
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
    /// How long the jobs are held without a heartbeat, where stores are shared by hosts.
    pub lease: Duration,
}

/// What a heartbeat has to tell of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Somebody asked to cancel it: end the attempt and say so.
    CancelRequested(Lease),
    /// Another attempt holds it, or it is final or gone: end this attempt and drop what it did.
    Lost(Lease),
}

/// A job that was taken back from a dead process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclaimed {
    pub id: JobId,
    pub pipeline: String,
    pub status: JobStatus,
    pub crashes: u32,
}

/// Jobs and their state machine, kept where nothing that was answered is lost. Every call but
/// [`JobStore::sweep`] is one transaction.
///
/// A worker's writes carry the lease of its attempt. Once the attempt does not hold the job any
/// more they change nothing and fail with [`JobError::Lost`].
pub trait JobStore: Send + Sync {
    /// Keeps a new job, or finds the one that its idempotency key names.
    ///
    /// # Errors
    /// The key names a job of another kind or with other data; too many jobs are pending.
    fn submit(&self, new: NewJob) -> Answer<'_, Submitted>;

    /// One job of a pipeline.
    ///
    /// # Errors
    /// There is none of this id.
    fn get<'a>(&'a self, pipeline: &'a str, id: JobId) -> Answer<'a, Job>;

    /// Jobs of a pipeline, newest first.
    fn list(&self, filter: JobFilter) -> Answer<'_, JobPage>;

    /// How many jobs a pipeline has, by status.
    fn counts<'a>(&'a self, pipeline: &'a str) -> Answer<'a, JobCounts>;

    /// Cancels a pending job at once and asks a running one to end; a final one stays as it is.
    ///
    /// # Errors
    /// There is none of this id.
    fn cancel<'a>(&'a self, pipeline: &'a str, id: JobId) -> Answer<'a, Job>;

    /// Makes a failed or cancelled job pending, with all its attempts before it. Its checkpoint
    /// stays.
    ///
    /// # Errors
    /// There is none of this id, it is in another status, or too many jobs are pending.
    fn retry<'a>(&'a self, pipeline: &'a str, id: JobId) -> Answer<'a, Job>;

    /// Begins attempts of the jobs whose time has come: by priority, then by time, then by id;
    /// never more than there are places.
    fn claim(&self, claim: Claim) -> Answer<'_, Vec<Claimed>>;

    /// Says that attempts go on, and learns of those that should not.
    fn heartbeat(
        &self,
        owner: OwnerId,
        held: Vec<Lease>,
        lease: Duration,
    ) -> Answer<'_, Vec<Notice>>;

    /// Keeps how far an attempt has come.
    ///
    /// # Errors
    /// The lease is lost.
    fn report(&self, lease: Lease, progress: Progress) -> Answer<'_, ()>;

    /// Keeps a JSON document for the next attempt, in place of the last one.
    ///
    /// # Errors
    /// The lease is lost.
    fn checkpoint(&self, lease: Lease, document: String) -> Answer<'_, ()>;

    /// Ends an attempt and gives the job as it then is. If a cancel was asked for meanwhile, it is
    /// cancelled.
    ///
    /// # Errors
    /// The lease is lost.
    fn finish(&self, lease: Lease, end: AttemptEnd) -> Answer<'_, Job>;

    /// Takes back every running job whose owner is dead: where one process has the store to itself,
    /// that is every owner but this one.
    fn reclaim(&self, owner: OwnerId) -> Answer<'_, Vec<Reclaimed>>;

    /// When the first job falls due that no claim has found due yet, as Unix time in milliseconds;
    /// it may be past.
    fn next_due(&self) -> Answer<'_, Option<u64>>;

    /// Forgets final jobs that were kept long enough; how many.
    fn sweep(&self, retention: Retention) -> Answer<'_, usize>;
}
