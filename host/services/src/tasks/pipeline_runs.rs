//! The runs of one pipeline that are in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hayrick_types::id::RunId;
use hayrick_types::task::TaskFilter;

use crate::tasks::class::TaskClass;
use crate::tasks::run::Run;

/// Runs by id, and so by time; each is in one of the two maps.
#[derive(Default)]
pub(super) struct PipelineRuns {
    running: BTreeMap<RunId, Arc<Run>>,
    ended: BTreeMap<RunId, Arc<Run>>,
    /// Ended runs that failed, in the order of their ends.
    failed: VecDeque<RunId>,
    /// The other ended runs, in the order of their ends.
    others: VecDeque<RunId>,
    ended_bytes: usize,
}

impl PipelineRuns {
    pub(super) fn begin(&mut self, run: Arc<Run>) {
        self.running.insert(run.id, run);
    }

    /// Records that a run has ended, and returns the memory it uses.
    pub(super) fn end(&mut self, id: RunId) -> usize {
        let Some(run) = self.running.remove(&id) else {
            return 0;
        };
        let bytes = run.memory();
        self.ends_mut(TaskClass::of(run.status())).push_back(id);
        self.ended.insert(id, run);
        self.ended_bytes += bytes;
        bytes
    }

    /// Forgets an ended run, and returns the memory it used.
    pub(super) fn forget(&mut self, id: RunId) -> usize {
        let Some(run) = self.ended.remove(&id) else {
            return 0;
        };
        // It is the first, or near it.
        let ends = self.ends_mut(TaskClass::of(run.status()));
        if let Some(place) = ends.iter().position(|end| *end == id) {
            ends.remove(place);
        }
        let bytes = run.memory();
        self.ended_bytes -= bytes;
        bytes
    }

    pub(super) fn get(&self, id: RunId) -> Option<Arc<Run>> {
        self.running
            .get(&id)
            .or_else(|| self.ended.get(&id))
            .cloned()
    }

    /// Runs that match, unordered: the newest `limit` that are running, and the newest `limit` that
    /// have ended.
    pub(super) fn newest(&self, filter: &TaskFilter, limit: usize) -> Vec<Arc<Run>> {
        let newest = |runs: &BTreeMap<RunId, Arc<Run>>| -> Vec<Arc<Run>> {
            let older = runs
                .iter()
                .rev()
                .skip_while(|(id, _)| filter.before.is_some_and(|before| **id >= before));
            older
                .map(|(_, run)| run)
                .filter(|run| run.matches(filter))
                .take(limit)
                .cloned()
                .collect()
        };
        [newest(&self.running), newest(&self.ended)].concat()
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &Arc<Run>> {
        self.running.values()
    }

    /// Each class in the order of their ends.
    pub(super) fn ended(&self) -> impl Iterator<Item = &Arc<Run>> {
        let ids = self.failed.iter().chain(&self.others);
        ids.filter_map(|id| self.ended.get(id))
    }

    pub(super) fn ended_count(&self) -> usize {
        self.ended.len()
    }

    /// Memory of ended runs.
    pub(super) fn ended_bytes(&self) -> usize {
        self.ended_bytes
    }

    /// The oldest ended run that may be forgotten. A failed run is chosen only when no other is
    /// left.
    pub(super) fn expendable(&self) -> Option<RunId> {
        let of = |class| self.first_expendable(class).map(|(_, id)| id);
        of(TaskClass::Other).or_else(|| of(TaskClass::Failed))
    }

    /// The first of its class that may be forgotten, if `count` runs that ended later stay.
    pub(super) fn surplus(&self, class: TaskClass, count: usize) -> Option<RunId> {
        let (older, id) = self.first_expendable(class)?;
        (self.ends(class).len() - older > count).then_some(id)
    }

    /// How many ended before it, and its id. One that the store shows as running may not be
    /// forgotten until that is corrected; there are only as many of those as were running at a
    /// time.
    fn first_expendable(&self, class: TaskClass) -> Option<(usize, RunId)> {
        let runs = self.ends(class).iter().filter_map(|id| self.ended.get(id));
        runs.enumerate()
            .find(|(_, run)| !run.is_written())
            .map(|(older, run)| (older, run.id))
    }

    fn ends(&self, class: TaskClass) -> &VecDeque<RunId> {
        match class {
            TaskClass::Failed => &self.failed,
            TaskClass::Other => &self.others,
        }
    }

    fn ends_mut(&mut self, class: TaskClass) -> &mut VecDeque<RunId> {
        match class {
            TaskClass::Failed => &mut self.failed,
            TaskClass::Other => &mut self.others,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.ended.is_empty()
    }
}
