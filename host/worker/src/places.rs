//! The places of a worker, and the attempts that hold them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hayrick_types::job::{JobId, Lease};
use hayrick_types::policy::Policy;
use tokio::task::AbortHandle;

use crate::config::WorkerConfig;

/// One part in so many of all places is kept for the first attempts of pipelines of which none
/// runs: a few pipelines with long jobs cannot make all others wait.
const KEPT_PART: usize = 4;

/// Pipelines, and how many jobs of each may begin.
pub(crate) type Wanted = BTreeMap<String, usize>;

/// One attempt in flight.
struct RunningAttempt {
    lease: Lease,
    pipeline: String,
    task: AbortHandle,
}

/// The places of one worker.
pub(crate) struct Places {
    jobs_max: usize,
    attempts: HashMap<JobId, RunningAttempt>,
}

impl Places {
    /// All places are free.
    pub(crate) fn new(config: &WorkerConfig) -> Places {
        Places {
            jobs_max: config.jobs_max,
            attempts: HashMap::new(),
        }
    }

    /// Free places in all.
    pub(crate) fn free(&self) -> usize {
        self.jobs_max.saturating_sub(self.attempts.len())
    }

    /// Free places for pipelines that have some already.
    pub(crate) fn shared(&self) -> usize {
        self.free().saturating_sub(self.jobs_max / KEPT_PART)
    }

    /// The pipelines of which no attempt runs, with a place for each.
    pub(crate) fn first(&self, pipelines: &BTreeMap<String, Arc<Policy>>) -> Wanted {
        let running = self.running();
        let idle = pipelines
            .keys()
            .filter(|pipeline| !running.contains_key(pipeline.as_str()));
        idle.map(|pipeline| (pipeline.clone(), 1)).collect()
    }

    /// The pipelines of which an attempt runs, and how many more each may have.
    pub(crate) fn further(&self, pipelines: &BTreeMap<String, Arc<Policy>>) -> Wanted {
        let running = self.running();
        let free = pipelines.iter().filter_map(|(pipeline, policy)| {
            let running = running.get(pipeline.as_str())?;
            let free = policy.jobs.running_max.saturating_sub(*running);
            (free > 0).then(|| (pipeline.clone(), free))
        });
        free.collect()
    }

    /// Attempts in flight of each pipeline.
    fn running(&self) -> HashMap<&str, usize> {
        let mut running = HashMap::new();
        for attempt in self.attempts.values() {
            *running.entry(attempt.pipeline.as_str()).or_default() += 1;
        }
        running
    }

    /// An attempt takes a place.
    pub(crate) fn take(&mut self, lease: Lease, pipeline: String, task: AbortHandle) {
        self.attempts.insert(
            lease.id,
            RunningAttempt {
                lease,
                pipeline,
                task,
            },
        );
    }

    /// An attempt has ended.
    pub(crate) fn give_back(&mut self, lease: Lease) {
        if self
            .attempts
            .get(&lease.id)
            .is_some_and(|attempt| attempt.lease == lease)
        {
            self.attempts.remove(&lease.id);
        }
    }

    /// Gives back the places of attempts whose tasks ended without an outcome, and returns their
    /// leases.
    pub(crate) fn give_back_finished(&mut self) -> Vec<Lease> {
        let finished: Vec<Lease> = self
            .attempts
            .values()
            .filter(|attempt| attempt.task.is_finished())
            .map(|attempt| attempt.lease)
            .collect();
        finished.iter().for_each(|lease| self.give_back(*lease));
        finished
    }

    /// Ends an attempt that no longer holds its job.
    pub(crate) fn abort(&mut self, lease: Lease) {
        if let Some(attempt) = self
            .attempts
            .get(&lease.id)
            .filter(|attempt| attempt.lease == lease)
        {
            attempt.task.abort();
        }
    }

    /// The leases of all attempts.
    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.attempts
            .values()
            .map(|attempt| attempt.lease)
            .collect()
    }
}
