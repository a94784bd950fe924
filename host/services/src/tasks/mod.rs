//! What is known of every run: kept in memory while it goes on, written to disk shortly after its
//! end, remembered for a while.
//!
//! A run is in memory from its begin until the store has its end; whoever asks looks there first
//! and then into the store, so that it is always found. Memory is bounded: runs that go on are as
//! many as the host lets run, some 110 KiB each at the very most; runs that have ended and are not
//! written yet are bounded by `TasksConfig`.

mod board;
pub mod config;
pub mod error;
mod flusher;
pub mod recorder;
mod retention;
mod run;
mod shelf;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hayrick_types::clock::Clock;
use hayrick_types::id::RunId;
use hayrick_types::task::{Task, TaskCounts, TaskFilter, TaskStart, TaskStatus};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::database::Database;
use crate::tasks::board::Board;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::flusher::Flusher;
use crate::tasks::recorder::TaskRecorder;

/// Tasks that are listed at a time.
const LIST_MAX: u32 = 1000;
/// How often every pipeline is looked through for tasks that are too old.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The error of runs that were going on when an earlier process ended.
const STOPPED: &str = "the host stopped before this run ended";

/// The tasks of all pipelines. A cheap handle.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    board: Arc<Board>,
    database: Database,
    config: TasksConfig,
    /// Held while tasks are written or swept, so that no two do.
    flusher: tokio::sync::Mutex<Flusher>,
}

impl Tasks {
    /// Tasks in this file. Runs that were going on when the process before ended are errors from
    /// now on.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open(
        database: Database,
        config: TasksConfig,
        clock: Clock,
    ) -> Result<Tasks, TasksError> {
        let now = clock();
        let recovered = database
            .write(move |connection| {
                store::recover(connection, STOPPED, now).map_err(TasksError::from)
            })
            .await?;
        if recovered > 0 {
            tracing::info!(
                runs = recovered,
                "runs were cut off when the host last stopped"
            );
        }
        let board = Arc::new(Board::new(config, clock));
        let flusher =
            tokio::sync::Mutex::new(Flusher::new(Arc::clone(&board), database.clone(), config));
        Ok(Tasks {
            inner: Arc::new(Inner {
                board,
                database,
                config,
                flusher,
            }),
        })
    }

    /// Takes a run up, which can be seen from now on.
    pub fn begin(&self, start: TaskStart<'_>) -> TaskRecorder {
        TaskRecorder::new(
            self.inner.board.begin(&start),
            Arc::clone(&self.inner.board),
        )
    }

    /// What is known of a run; none if this pipeline has no such run, or it is forgotten.
    ///
    /// # Errors
    /// The store failed.
    pub async fn get(&self, pipeline: &str, id: RunId) -> Result<Option<Task>, TasksError> {
        if let Some(run) = self.inner.board.get(pipeline, id) {
            return Ok(Some(run.snapshot()));
        }
        let pipeline = pipeline.to_owned();
        self.inner
            .database
            .read(move |connection| Ok(store::get(connection, &pipeline, id)?))
            .await
    }

    /// The newest first, 1000 at most.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, pipeline: &str, filter: TaskFilter) -> Result<Vec<Task>, TasksError> {
        let filter = TaskFilter {
            limit: filter.limit.min(LIST_MAX),
            ..filter
        };
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let in_memory = self.inner.board.newest(pipeline, &filter, limit);
        // Some may have changed since they were chosen.
        let in_memory = in_memory
            .iter()
            .filter(|run| run.matches(&filter))
            .map(|run| run.snapshot());
        let mut tasks: BTreeMap<RunId, Task> = in_memory.map(|task| (task.id, task)).collect();
        if filter.status.is_none_or(TaskStatus::is_final) {
            let pipeline = pipeline.to_owned();
            let stored = self.inner.database.read(move |connection| {
                store::list(connection, &pipeline, &filter).map_err(TasksError::from)
            });
            // One that was written meanwhile is in both.
            tasks.extend(stored.await?.into_iter().map(|task| (task.id, task)));
        }
        Ok(tasks.into_values().rev().take(limit).collect())
    }

    /// How many tasks of a pipeline there are of each status.
    ///
    /// # Errors
    /// The store failed.
    pub async fn counts(&self, pipeline: &str) -> Result<TaskCounts, TasksError> {
        let (in_memory, pipeline) = (self.inner.board.statuses(pipeline), pipeline.to_owned());
        let query = move |connection: &_| {
            let mut counts = store::counts(connection, &pipeline)?;
            for (id, status) in in_memory {
                // One that was written meanwhile is counted already.
                if !store::has_ended(connection, &pipeline, id)? {
                    counts.add(status, 1);
                }
            }
            Ok(counts)
        };
        self.inner
            .database
            .read(move |connection| query(connection))
            .await
    }

    /// Forgets a pipeline's runs that ended at least `age` ago. Returns how many it were.
    ///
    /// # Errors
    /// The store failed; what was removed before stays so.
    pub async fn delete_older(&self, pipeline: &str, age: Duration) -> Result<u64, TasksError> {
        let last = retention::before(age, self.inner.board.now());
        let mut flusher = self.inner.flusher.lock().await;
        flusher.flush().await?;
        retention::delete(&self.inner.database, pipeline, last).await
    }

    /// Writes every run that has ended: for the end of the process, when nothing begins any more.
    ///
    /// # Errors
    /// The store failed; what is not written stays in memory.
    pub async fn flush(&self) -> Result<(), TasksError> {
        self.inner.flusher.lock().await.flush().await
    }

    /// Forgets what is too old or too many, of every pipeline. Returns how many runs it were.
    ///
    /// # Errors
    /// The store failed; what was removed before stays so.
    pub async fn sweep(&self) -> Result<u64, TasksError> {
        self.inner.flusher.lock().await.sweep().await
    }

    /// Writes and sweeps at its time, for ever; it can be dropped at any moment. A store that fails
    /// is tried again.
    pub async fn flush_loop(self) {
        let mut ticks = interval(
            self.inner
                .config
                .flush_interval
                .max(Duration::from_millis(1)),
        );
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut sweep_at, mut is_failing) = (Instant::now(), false);
        loop {
            ticks.tick().await;
            let outcome = self.write_and_sweep(&mut sweep_at).await;
            match &outcome {
                Err(error) if !is_failing => {
                    tracing::warn!(%error, "runs cannot be written: they stay in memory")
                }
                Ok(()) if is_failing => tracing::info!("runs are written again"),
                _ => {}
            }
            is_failing = outcome.is_err();
        }
    }

    async fn write_and_sweep(&self, sweep_at: &mut Instant) -> Result<(), TasksError> {
        let mut flusher = self.inner.flusher.lock().await;
        flusher.flush().await?;
        flusher.sweep_grown().await?;
        if *sweep_at <= Instant::now() {
            flusher.sweep().await?;
            *sweep_at = Instant::now() + SWEEP_INTERVAL;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
