//! The run that a guest is executing, as the interfaces see it.

use std::sync::Arc;

use hayrick_services::budgets::budget::Budget;
use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::id::RunId;
use hayrick_types::job::{Lease, Progress};
use hayrick_types::policy::Policy;
use tokio::sync::watch;

use crate::plugin_share::PluginShare;
use crate::reached_limits::ReachedLimits;

/// One run.
#[derive(Clone)]
pub struct RunContext {
    pub id: RunId,
    pub pipeline: Arc<str>,
    /// What the pipeline is granted.
    pub policy: Arc<Policy>,
    /// The token budget of the plugin; `None` if it is unlimited.
    pub budget: Option<Budget>,
    /// What it shares with the other runs of the plugin.
    pub share: Arc<PluginShare>,
    /// Counts the limits that it reaches.
    pub limits: ReachedLimits,
    /// Records the task of the run; `None` for `setup`.
    pub recorder: Option<TaskRecorder>,
    /// The attempt of a job that this run makes, if it makes one.
    pub attempt: Option<AttemptContext>,
}

/// An attempt of a job.
#[derive(Clone)]
pub struct AttemptContext {
    pub lease: Lease,
    /// Reports the progress of the attempt to the worker. The latest report counts, and the guest
    /// never waits for the disk.
    pub progress: Arc<watch::Sender<Option<Progress>>>,
}
