//! Brings runs from memory to disk, in batches, and has what became too much removed.

use std::collections::HashMap;
use std::sync::Arc;

use hayrick_types::task::Task;

use crate::database::Database;
use crate::tasks::board::Board;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::retention;
use crate::tasks::run::Run;
use crate::tasks::store;

/// Rows of one write: other writes wait some milliseconds for it.
const BATCH_MAX: usize = 500;
/// A pipeline is swept each time it has grown by this part of what it may keep.
const GROWTH_PART: usize = 8;

/// The one who writes tasks. What fails or is dropped halfway is still in memory, and is written
/// again.
pub(super) struct Flusher {
    board: Arc<Board>,
    database: Database,
    config: TasksConfig,
    /// Tasks that a pipeline got since it was last swept.
    growth: HashMap<Arc<str>, usize>,
}

impl Flusher {
    pub(super) fn new(board: Arc<Board>, database: Database, config: TasksConfig) -> Flusher {
        Flusher {
            board,
            database,
            config,
            growth: HashMap::new(),
        }
    }

    /// Writes what has ended, and what went on at the last flush and still does.
    pub(super) async fn flush(&mut self) -> Result<(), TasksError> {
        self.write_lasting().await?;
        // What ends meanwhile is left to the next flush: this one has to come to an end too.
        let mut left = self.board.ended_count();
        while left > 0 {
            let runs = self.board.ended(left.min(BATCH_MAX));
            if runs.is_empty() {
                break;
            }
            self.put(&runs).await?;
            self.board.forget(&runs);
            left -= runs.len();
            for run in &runs {
                *self.growth.entry(Arc::clone(&run.pipeline)).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Removes what is too old or too many, of every pipeline. Returns how many tasks it were.
    pub(super) async fn sweep(&mut self) -> Result<u64, TasksError> {
        let pipelines = self
            .database
            .read(|connection| Ok::<_, TasksError>(store::pipelines(connection)?))
            .await?;
        self.growth.clear();
        let mut swept = 0;
        for pipeline in pipelines {
            swept +=
                retention::sweep(&self.database, &self.config, &pipeline, self.board.now()).await?;
        }
        Ok(swept)
    }

    /// The same of pipelines that have grown.
    pub(super) async fn sweep_grown(&mut self) -> Result<(), TasksError> {
        let enough = self.config.settings.kept_max / GROWTH_PART;
        let grown: Vec<_> = self
            .growth
            .extract_if(|_, growth| *growth > enough)
            .collect();
        for (pipeline, _) in grown {
            retention::sweep(&self.database, &self.config, &pipeline, self.board.now()).await?;
        }
        Ok(())
    }

    /// A run that lasts has to be in the store before its end, or a crash would leave no trace of
    /// it.
    async fn write_lasting(&self) -> Result<(), TasksError> {
        let lasting: Vec<_> = self
            .board
            .running()
            .into_iter()
            .filter(|run| run.meet() && !run.is_written())
            .collect();
        for runs in lasting.chunks(BATCH_MAX) {
            // Beforehand: one that ends meanwhile must not be forgotten before its end is written
            // too.
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
