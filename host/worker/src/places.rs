//! The places of a worker, and the attempts that hold them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hayrick_types::job::{JobId, Lease};
use hayrick_types::policy::Policy;
use tokio::task::AbortHandle;

use crate::config::WorkerConfig;

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

    /// The pipelines with free places, and how many.
    pub(crate) fn free_of(
        &self,
        pipelines: BTreeMap<String, Arc<Policy>>,
    ) -> BTreeMap<String, usize> {
        let mut free: BTreeMap<String, usize> = pipelines
            .into_iter()
            .map(|(pipeline, policy)| (pipeline, policy.jobs.running_max))
            .collect();
        for attempt in self.attempts.values() {
            if let Some(places) = free.get_mut(&attempt.pipeline) {
                *places = places.saturating_sub(1);
            }
        }
        free.retain(|_, places| *places > 0);
        free
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
