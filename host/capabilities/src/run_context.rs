//! Which run of which pipeline a guest is, as the interfaces that depend on it see it.

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
    /// What it may take from the models; `None` where that is not bounded.
    pub budget: Option<Budget>,
    /// What it shares with the plugin's other runs.
    pub share: Arc<PluginShare>,
    /// What counts the limits it reaches.
    pub limits: ReachedLimits,
    /// The task that shows the run to others; a `setup` has none.
    pub recorder: Option<TaskRecorder>,
    /// The attempt this run is, if it is one.
    pub attempt: Option<AttemptContext>,
}

/// The attempt of a job.
#[derive(Clone)]
pub struct AttemptContext {
    pub lease: Lease,
    /// Tells the worker how far the attempt has come: the newest report counts, and the guest never
    /// waits for the disk.
    pub progress: Arc<watch::Sender<Option<Progress>>>,
}
