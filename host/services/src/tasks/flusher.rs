//! Writes runs from memory to disk, in batches, and sweeps.

use std::collections::HashMap;
use std::sync::Arc;

use hayrick_types::task::Task;

use crate::database::Database;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::live_runs::LiveRuns;
use crate::tasks::retention;
use crate::tasks::run::Run;
use crate::tasks::store;

/// Rows of one write: other writes wait some milliseconds for it.
const BATCH_MAX: usize = 500;
/// A pipeline is swept each time it has grown by this fraction of what it may keep.
const GROWTH_PART: usize = 8;

/// Writes tasks. What fails or is dropped halfway is still in memory, and is written again.
pub(super) struct Flusher {
    live_runs: Arc<LiveRuns>,
    database: Database,
    config: TasksConfig,
    /// New tasks of each pipeline since its last sweep.
    growth: HashMap<Arc<str>, usize>,
}

impl Flusher {
    pub(super) fn new(
        live_runs: Arc<LiveRuns>,
        database: Database,
        config: TasksConfig,
    ) -> Flusher {
        Flusher {
            live_runs,
            database,
            config,
            growth: HashMap::new(),
        }
    }

    /// Writes the runs that have ended, and those that have been running since the last flush.
    pub(super) async fn flush(&mut self) -> Result<(), TasksError> {
        self.write_lasting().await?;
        // Runs that end meanwhile are left to the next flush, so that this one ends.
        let mut left = self.live_runs.ended_count();
        while left > 0 {
            let runs = self.live_runs.ended(left.min(BATCH_MAX));
            if runs.is_empty() {
                break;
            }
            self.put(&runs).await?;
            self.live_runs.forget(&runs);
            left -= runs.len();
            for run in &runs {
                *self.growth.entry(Arc::clone(&run.pipeline)).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Deletes the tasks of every pipeline that are too old or too many, and returns how many.
    pub(super) async fn sweep(&mut self) -> Result<u64, TasksError> {
        let pipelines = self
            .database
            .read(|connection| Ok::<_, TasksError>(store::pipelines(connection)?))
            .await?;
        self.growth.clear();
        let mut swept = 0;
        for pipeline in pipelines {
            swept += retention::sweep(
                &self.database,
                &self.config,
                &pipeline,
                self.live_runs.retention_now(),
            )
            .await?;
        }
        Ok(swept)
    }

    /// The same for pipelines that have grown.
    pub(super) async fn sweep_grown(&mut self) -> Result<(), TasksError> {
        let settings = &self.config.settings;
        let enough = settings.kept_max.min(settings.failed_kept_max) / GROWTH_PART;
        let grown: Vec<_> = self
            .growth
            .extract_if(|_, growth| *growth > enough)
            .collect();
        for (pipeline, _) in grown {
            retention::sweep(
                &self.database,
                &self.config,
                &pipeline,
                self.live_runs.retention_now(),
            )
            .await?;
        }
        Ok(())
    }

    /// A long run has to be in the store before its end, or a crash would leave no trace of it.
    async fn write_lasting(&self) -> Result<(), TasksError> {
        let lasting: Vec<_> = self
            .live_runs
            .running()
            .into_iter()
            .filter(|run| run.meet() && !run.is_written())
            .collect();
        for runs in lasting.chunks(BATCH_MAX) {
            // Beforehand: a run that ends meanwhile must not be forgotten before its end is written.
            runs.iter().for_each(|run| run.set_written(true));
            let written = self.put(runs).await;
            if written.is_err() {
                runs.iter().for_each(|run| run.set_written(false));
            }
            written?;
        }
        Ok(())
    }

    async fn put(&self, runs: &[Arc<Run>]) -> Result<(), TasksError> {
        let tasks: Vec<Task> = runs.iter().map(|run| run.snapshot()).collect();
        self.database
            .write(move |connection| Ok(store::put(connection, &tasks)?))
            .await
    }
}
