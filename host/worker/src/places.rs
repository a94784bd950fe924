//! Who is at work: which attempts hold which places.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hayrick_types::job::{JobId, Lease};
use hayrick_types::policy::Policy;
use tokio::task::AbortHandle;

use crate::config::WorkerConfig;

/// One attempt in flight.
struct Held {
    lease: Lease,
    pipeline: String,
    task: AbortHandle,
}

/// The places of one worker.
pub(crate) struct Places {
    jobs_max: usize,
    held: HashMap<JobId, Held>,
}

impl Places {
    /// All of them free.
    pub(crate) fn new(config: &WorkerConfig) -> Places {
        Places {
            jobs_max: config.jobs_max,
            held: HashMap::new(),
        }
    }

    /// Free places in all.
    pub(crate) fn free(&self) -> usize {
        self.jobs_max.saturating_sub(self.held.len())
    }

    /// Free places of each of these pipelines that has one.
    pub(crate) fn free_of(
        &self,
        pipelines: BTreeMap<String, Arc<Policy>>,
    ) -> BTreeMap<String, usize> {
        let mut free: BTreeMap<String, usize> = pipelines
            .into_iter()
            .map(|(pipeline, policy)| (pipeline, policy.jobs.running_max))
            .collect();
        for held in self.held.values() {
            if let Some(places) = free.get_mut(&held.pipeline) {
                *places = places.saturating_sub(1);
            }
        }
        free.retain(|_, places| *places > 0);
        free
    }

    /// An attempt takes a place.
    pub(crate) fn take(&mut self, lease: Lease, pipeline: String, task: AbortHandle) {
        self.held.insert(
            lease.id,
            Held {
                lease,
                pipeline,
                task,
            },
        );
    }

    /// An attempt has ended.
    pub(crate) fn give_back(&mut self, lease: Lease) {
        if self
            .held
            .get(&lease.id)
            .is_some_and(|held| held.lease == lease)
        {
            self.held.remove(&lease.id);
        }
    }

    /// Gives back the places of attempts whose tasks are gone without a word, and tells their
    /// leases.
    pub(crate) fn give_back_finished(&mut self) -> Vec<Lease> {
        let finished: Vec<Lease> = self
            .held
            .values()
            .filter(|held| held.task.is_finished())
            .map(|held| held.lease)
            .collect();
        finished.iter().for_each(|lease| self.give_back(*lease));
        finished
    }

    /// Ends an attempt that no longer holds its job.
    pub(crate) fn abort(&mut self, lease: Lease) {
        if let Some(held) = self.held.get(&lease.id).filter(|held| held.lease == lease) {
            held.task.abort();
        }
    }

    /// The leases of all attempts.
    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.held.values().map(|held| held.lease).collect()
    }
}
