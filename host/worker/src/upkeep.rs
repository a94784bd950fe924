//! Deletes old jobs and state, and tells which jobs cannot run.

use std::collections::BTreeSet;
use std::time::Duration;

use hayrick_runtime::runtime::Runtime;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::state::State;
use hayrick_types::contract::Export;
use tokio::time::{MissedTickBehavior, interval};

/// What the upkeep works on.
pub(crate) struct Upkeep {
    pub(crate) jobs: Jobs,
    pub(crate) state: State,
    pub(crate) runtime: Runtime,
}

impl Upkeep {
    /// Looks after them periodically, forever.
    pub(crate) async fn run(self, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut versions = self.runtime.changes();
        let mut stuck = BTreeSet::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => self.sweep().await,
                Ok(()) = versions.changed() => {}
            }
            // Before that, every pipeline is missing.
            if !self.runtime.is_ready() {
                continue;
            }
            self.sweep_removed().await;
            if let Err(error) = self.tell_of_stuck(&mut stuck).await {
                tracing::warn!(%error, "the pending jobs cannot be counted");
            }
        }
    }

    async fn sweep(&self) {
        match self.jobs.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "deleted old finished jobs"),
            Err(error) => tracing::warn!(%error, "old finished jobs cannot be deleted"),
        }
        if let Err(error) = self.state.sweep().await {
            tracing::warn!(%error, "expired state cannot be deleted");
        }
    }

    /// Deletes what pipelines left behind that were removed long ago.
    async fn sweep_removed(&self) {
        let forgotten = match self.state.sweep_removed(self.runtime.names()).await {
            Ok(forgotten) if forgotten.is_empty() => return,
            Ok(forgotten) => forgotten,
            Err(error) => {
                tracing::warn!(%error, "the state of removed pipelines cannot be deleted");
                return;
            }
        };
        for removed in forgotten.iter().filter(|removed| removed.keys > 0) {
            let (pipeline, keys, bytes) = (&removed.pipeline, removed.keys, removed.bytes);
            tracing::warn!(
                pipeline,
                keys,
                bytes,
                "deleted the state of a pipeline that was removed long ago, or that had too much"
            );
        }
        let names = forgotten
            .into_iter()
            .map(|removed| removed.pipeline)
            .collect();
        if let Err(error) = self.runtime.forget(names).await {
            tracing::warn!(%error, "the approvals of removed pipelines cannot be deleted");
        }
    }

    /// Logs each pipeline that has jobs but cannot run them, once until it can again.
    async fn tell_of_stuck(&self, known: &mut BTreeSet<String>) -> Result<(), JobError> {
        let mut stuck = BTreeSet::new();
        for (pipeline, jobs) in self.jobs.pending().await? {
            let Err(failure) = self.runtime.check(&pipeline, Export::Job) else {
                continue;
            };
            if !known.contains(&pipeline) {
                let reason = failure.message;
                tracing::warn!(
                    pipeline,
                    jobs,
                    reason,
                    "jobs wait: their pipeline cannot run them"
                );
            }
            stuck.insert(pipeline);
        }
        *known = stuck;
        Ok(())
    }
}
