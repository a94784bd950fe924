//! The runs in memory: those that are running, and those whose end is not on disk yet. Each begins
//! here, and leaves once its end is in the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::clock::Clocks;
use hayrick_types::id::RunId;
use hayrick_types::task::{TaskFilter, TaskStart, TaskStatus};

use crate::tasks::class::TaskClass;
use crate::tasks::config::TasksConfig;
use crate::tasks::pipeline_runs::PipelineRuns;
use crate::tasks::run::Run;

/// All runs in memory. The lock is a plain one: nothing waits while it is held, and every request
/// takes it twice, each time for well under a microsecond.
pub(super) struct LiveRuns {
    config: TasksConfig,
    clocks: Clocks,
    by_pipeline: Mutex<ByPipeline>,
}

#[derive(Default)]
struct ByPipeline {
    /// Only pipelines that have runs.
    pipelines: HashMap<Arc<str>, PipelineRuns>,
    /// Memory of ended runs.
    ended_bytes: usize,
}

impl LiveRuns {
    pub(super) fn new(config: TasksConfig, clocks: Clocks) -> LiveRuns {
        LiveRuns {
            config,
            clocks,
            by_pipeline: Mutex::default(),
        }
    }

    /// Unix time, milliseconds.
    pub(super) fn now(&self) -> u64 {
        (self.clocks.now)()
    }

    /// The time that decides what is old.
    pub(super) fn retention_now(&self) -> u64 {
        (self.clocks.retention)()
    }

    /// Bytes of the notes of a run as JSON.
    pub(super) fn notes_bytes_max(&self) -> usize {
        self.config.settings.notes_bytes_max
    }

    /// Begins a run.
    pub(super) fn begin(&self, start: &TaskStart<'_>) -> Arc<Run> {
        let now = self.now();
        let mut by_pipeline = self.by_pipeline();
        let name = by_pipeline
            .pipelines
            .get_key_value(start.pipeline)
            .map(|(name, _)| Arc::clone(name));
        let name = name.unwrap_or_else(|| Arc::from(start.pipeline));
        let run = Arc::new(Run::new(start, Arc::clone(&name), now));
        by_pipeline
            .pipelines
            .entry(name)
            .or_default()
            .begin(Arc::clone(&run));
        run
    }

    /// Ends a run. Only the first end counts.
    pub(super) fn end(&self, run: &Run, status: TaskStatus, error: Option<&str>) {
        if run.end(status, error, self.now()) {
            self.by_pipeline().end(run, &self.config);
        }
    }

    /// A run that is in memory.
    pub(super) fn get(&self, pipeline: &str, id: RunId) -> Option<Arc<Run>> {
        self.by_pipeline().pipelines.get(pipeline)?.get(id)
    }

    /// Runs that match, unordered; the `limit` newest are among them.
    pub(super) fn newest(
        &self,
        pipeline: &str,
        filter: &TaskFilter,
        limit: usize,
    ) -> Vec<Arc<Run>> {
        self.by_pipeline()
            .pipelines
            .get(pipeline)
            .map(|pipeline_runs| pipeline_runs.newest(filter, limit))
            .unwrap_or_default()
    }

    /// Every run of a pipeline with its status.
    pub(super) fn statuses(&self, pipeline: &str) -> Vec<(RunId, TaskStatus)> {
        let by_pipeline = self.by_pipeline();
        let runs = by_pipeline
            .pipelines
            .get(pipeline)
            .into_iter()
            .flat_map(|pipeline_runs| pipeline_runs.running().chain(pipeline_runs.ended()));
        runs.map(|run| (run.id, run.status())).collect()
    }

    /// All runs that have not ended.
    pub(super) fn running(&self) -> Vec<Arc<Run>> {
        self.by_pipeline()
            .pipelines
            .values()
            .flat_map(PipelineRuns::running)
            .cloned()
            .collect()
    }

    /// The number of ended runs.
    pub(super) fn ended_count(&self) -> usize {
        self.by_pipeline()
            .pipelines
            .values()
            .map(PipelineRuns::ended_count)
            .sum()
    }

    /// Some ended runs, of each pipeline and class in the order of their ends.
    pub(super) fn ended(&self, limit: usize) -> Vec<Arc<Run>> {
        self.by_pipeline()
            .pipelines
            .values()
            .flat_map(PipelineRuns::ended)
            .take(limit)
            .cloned()
            .collect()
    }

    /// Forgets ended runs, once the store has them.
    pub(super) fn forget(&self, runs: &[Arc<Run>]) {
        let mut by_pipeline = self.by_pipeline();
        for run in runs {
            by_pipeline.forget(&run.pipeline, run.id);
        }
    }

    fn by_pipeline(&self) -> MutexGuard<'_, ByPipeline> {
        self.by_pipeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ByPipeline {
    fn end(&mut self, run: &Run, config: &TasksConfig) {
        let Some(pipeline_runs) = self.pipelines.get_mut(&run.pipeline) else {
            return;
        };
        self.ended_bytes += pipeline_runs.end(run.id);
        // The store would delete at once what is more than it keeps.
        let class = TaskClass::of(run.status());
        if let Some(id) = pipeline_runs.surplus(class, config.kept(class).count) {
            self.forget(&run.pipeline, id);
        }
        while self.ended_bytes > config.unwritten_bytes_max && self.forget_of_largest() {}
    }

    /// Makes the pipeline that uses most memory forget a run; false if there is none to forget.
    fn forget_of_largest(&mut self) -> bool {
        let largest = self
            .pipelines
            .iter()
            .max_by_key(|(_, pipeline_runs)| pipeline_runs.ended_bytes());
        let expendable = largest.and_then(|(name, pipeline_runs)| {
            Some((Arc::clone(name), pipeline_runs.expendable()?))
        });
        expendable
            .inspect(|(name, id)| self.forget(name, *id))
            .is_some()
    }

    fn forget(&mut self, pipeline: &str, id: RunId) {
        let Some(pipeline_runs) = self.pipelines.get_mut(pipeline) else {
            return;
        };
        self.ended_bytes -= pipeline_runs.forget(id);
        if pipeline_runs.is_empty() {
            self.pipelines.remove(pipeline);
        }
    }
}
