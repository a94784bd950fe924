//! The runs in memory: those that go on, and those whose end is not on disk yet. Each begins here,
//! and leaves once the store has its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::clock::Clock;
use hayrick_types::id::RunId;
use hayrick_types::task::{TaskFilter, TaskStart, TaskStatus};

use crate::tasks::config::TasksConfig;
use crate::tasks::run::Run;
use crate::tasks::shelf::Shelf;

/// All runs in memory. The lock is a plain one: nothing waits while it is held, and every request
/// takes it twice, each time for well under a microsecond.
pub(super) struct Board {
    config: TasksConfig,
    clock: Clock,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    /// None of them is empty.
    by_pipeline: HashMap<Arc<str>, Shelf>,
    /// Memory of runs that have ended.
    ended_bytes: usize,
}

impl Board {
    pub(super) fn new(config: TasksConfig, clock: Clock) -> Board {
        Board {
            config,
            clock,
            shelves: Mutex::default(),
        }
    }

    /// Unix time, milliseconds.
    pub(super) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Takes a run up.
    pub(super) fn begin(&self, start: &TaskStart<'_>) -> Arc<Run> {
        let now = self.now();
        let mut shelves = self.shelves();
        let name = shelves
            .by_pipeline
            .get_key_value(start.pipeline)
            .map(|(name, _)| Arc::clone(name));
        let name = name.unwrap_or_else(|| Arc::from(start.pipeline));
        let run = Arc::new(Run::new(start, Arc::clone(&name), now));
        shelves
            .by_pipeline
            .entry(name)
            .or_default()
            .begin(Arc::clone(&run));
        run
    }

    /// Ends a run, unless it is over: the first end counts.
    pub(super) fn end(&self, run: &Run, status: TaskStatus, error: Option<&str>) {
        if run.end(status, error, self.now()) {
            self.shelves().end(run, &self.config);
        }
    }

    /// A run that is in memory.
    pub(super) fn get(&self, pipeline: &str, id: RunId) -> Option<Arc<Run>> {
        self.shelves().by_pipeline.get(pipeline)?.get(id)
    }

    /// The newest runs that match, in no order: the `limit` newest are among them.
    pub(super) fn newest(
        &self,
        pipeline: &str,
        filter: &TaskFilter,
        limit: usize,
    ) -> Vec<Arc<Run>> {
        self.shelves()
            .by_pipeline
            .get(pipeline)
            .map(|shelf| shelf.newest(filter, limit))
            .unwrap_or_default()
    }

    /// Every run of a pipeline, and where it is in its life.
    pub(super) fn statuses(&self, pipeline: &str) -> Vec<(RunId, TaskStatus)> {
        let shelves = self.shelves();
        let runs = shelves
            .by_pipeline
            .get(pipeline)
            .into_iter()
            .flat_map(|shelf| shelf.running().chain(shelf.ended()));
        runs.map(|run| (run.id, run.status())).collect()
    }

    /// All runs that go on.
    pub(super) fn running(&self) -> Vec<Arc<Run>> {
        self.shelves()
            .by_pipeline
            .values()
            .flat_map(Shelf::running)
            .cloned()
            .collect()
    }

    /// How many runs have ended.
    pub(super) fn ended_count(&self) -> usize {
        self.shelves()
            .by_pipeline
            .values()
            .map(Shelf::ended_count)
            .sum()
    }

    /// Some runs that have ended, of each pipeline in the order in which they did.
    pub(super) fn ended(&self, limit: usize) -> Vec<Arc<Run>> {
        self.shelves()
            .by_pipeline
            .values()
            .flat_map(Shelf::ended)
            .take(limit)
            .cloned()
            .collect()
    }

    /// Forgets runs that have ended, once the store has them.
    pub(super) fn forget(&self, runs: &[Arc<Run>]) {
        let mut shelves = self.shelves();
        for run in runs {
            shelves.forget(&run.pipeline, run.id);
        }
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn end(&mut self, run: &Run, config: &TasksConfig) {
        let Some(shelf) = self.by_pipeline.get_mut(&run.pipeline) else {
            return;
        };
        self.ended_bytes += shelf.end(run.id);
        // More than the store keeps it would get rid of at once.
        let surplus = if shelf.ended_count() > config.settings.kept_max {
            shelf.expendable()
        } else {
            None
        };
        if let Some(id) = surplus {
            self.forget(&run.pipeline, id);
        }
        while self.ended_bytes > config.unwritten_bytes_max && self.forget_of_largest() {}
    }

    /// Makes the pipeline that takes most memory forget a run; whether there was one.
    fn forget_of_largest(&mut self) -> bool {
        let largest = self
            .by_pipeline
            .iter()
            .max_by_key(|(_, shelf)| shelf.ended_bytes());
        let expendable =
            largest.and_then(|(name, shelf)| Some((Arc::clone(name), shelf.expendable()?)));
        expendable
            .inspect(|(name, id)| self.forget(name, *id))
            .is_some()
    }

    fn forget(&mut self, pipeline: &str, id: RunId) {
        let Some(shelf) = self.by_pipeline.get_mut(pipeline) else {
            return;
        };
        self.ended_bytes -= shelf.forget(id);
        if shelf.is_empty() {
            self.by_pipeline.remove(pipeline);
        }
    }
}
