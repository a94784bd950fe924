//! Tasks, the records of runs: in memory while the run lasts, on disk shortly after its end, and
//! kept for a while.
//!
//! A run is in memory from its start until its end is in the store. Look-ups try memory first and
//! then the store, so a task is always found. Memory is bounded: the host limits how many runs there
//! are at a time, each takes some 50 KiB at most by default, and `TasksConfig` bounds the ended runs that are not
//! written yet.

mod class;
pub mod config;
pub mod error;
mod flusher;
mod live_runs;
mod pipeline_runs;
pub mod recorder;
mod retention;
mod run;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hayrick_types::clock::Clocks;
use hayrick_types::id::RunId;
use hayrick_types::task::{Task, TaskCounts, TaskFilter, TaskPage, TaskStart, TaskStatus};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::database::Database;
use crate::tasks::class::TaskClass;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::flusher::Flusher;
use crate::tasks::live_runs::LiveRuns;
use crate::tasks::recorder::TaskRecorder;

/// Tasks of one page.
const LIST_MAX: u32 = 1000;
/// How often every pipeline is swept.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The error of runs that an earlier process left running.
const STOPPED: &str = "the host stopped before this run ended";

/// The tasks of all pipelines. A cheap handle.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    live_runs: Arc<LiveRuns>,
    database: Database,
    config: TasksConfig,
    /// Locked while tasks are written or swept.
    flusher: tokio::sync::Mutex<Flusher>,
}

impl Tasks {
    /// Tasks in this database. Runs that an earlier process left running become errors.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open(
        database: Database,
        config: TasksConfig,
        clocks: impl Into<Clocks>,
    ) -> Result<Tasks, TasksError> {
        let clocks = clocks.into();
        let now = (clocks.now)();
        let recovered = database
            .write(move |connection| {
                store::recover(connection, STOPPED, now).map_err(TasksError::from)
            })
            .await?;
        if recovered > 0 {
            tracing::info!(
                runs = recovered,
                "runs were interrupted when the host last stopped"
            );
        }
        let live_runs = Arc::new(LiveRuns::new(config, clocks));
        let flusher = tokio::sync::Mutex::new(Flusher::new(
            Arc::clone(&live_runs),
            database.clone(),
            config,
        ));
        Ok(Tasks {
            inner: Arc::new(Inner {
                live_runs,
                database,
                config,
                flusher,
            }),
        })
    }

    /// Begins the task of a run.
    pub fn begin(&self, start: TaskStart<'_>) -> TaskRecorder {
        TaskRecorder::new(
            self.inner.live_runs.begin(&start),
            Arc::clone(&self.inner.live_runs),
        )
    }

    /// One task; `None` if this pipeline has no such task, or it was deleted.
    ///
    /// # Errors
    /// The store failed.
    pub async fn get(&self, pipeline: &str, id: RunId) -> Result<Option<Task>, TasksError> {
        if let Some(run) = self.inner.live_runs.get(pipeline, id) {
            return Ok(Some(run.snapshot()));
        }
        let name = pipeline.to_owned();
        self.inner
            .database
            .read_for(pipeline, move |connection| {
                Ok(store::get(connection, &name, id)?)
            })
            .await
    }

    /// The newest first, 1000 at most.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, pipeline: &str, filter: TaskFilter) -> Result<TaskPage, TasksError> {
        let bytes_max = self.inner.config.settings.page_bytes_max;
        let filter = TaskFilter {
            limit: filter.limit.min(LIST_MAX),
            ..filter
        };
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let in_memory = self.inner.live_runs.newest(pipeline, &filter, limit);
        // Some may have changed since they were chosen.
        let in_memory = in_memory
            .iter()
            .filter(|run| run.matches(&filter))
            .map(|run| run.snapshot());
        let mut tasks: BTreeMap<RunId, Task> = in_memory.map(|task| (task.id, task)).collect();
        if filter.status.is_none_or(TaskStatus::is_final) {
            let name = pipeline.to_owned();
            let stored = self.inner.database.read_for(pipeline, move |connection| {
                store::list(connection, &name, &filter, bytes_max).map_err(TasksError::from)
            });
            // One that was written meanwhile is in both.
            tasks.extend(stored.await?.into_iter().map(|task| (task.id, task)));
        }
        Ok(page(tasks.into_values().rev(), limit, bytes_max))
    }

    /// The number of tasks of a pipeline, by status.
    ///
    /// # Errors
    /// The store failed.
    pub async fn counts(&self, pipeline: &str) -> Result<TaskCounts, TasksError> {
        let (in_memory, name) = (self.inner.live_runs.statuses(pipeline), pipeline.to_owned());
        let query = move |connection: &_| {
            let mut counts = store::counts(connection, &name)?;
            for (id, status) in in_memory {
                // One that was written meanwhile is counted already.
                if !store::has_ended(connection, &name, id)? {
                    counts.add(status, 1);
                }
            }
            Ok(counts)
        };
        self.inner
            .database
            .read_for(pipeline, move |connection| query(connection))
            .await
    }

    /// Deletes the tasks of a pipeline that ended at least `age` ago, and returns how many.
    ///
    /// # Errors
    /// The store failed; some tasks may be deleted.
    pub async fn delete_older(&self, pipeline: &str, age: Duration) -> Result<u64, TasksError> {
        let last = retention::before(age, self.inner.live_runs.now());
        let mut flusher = self.inner.flusher.lock().await;
        flusher.flush().await?;
        let mut deleted = 0;
        for class in TaskClass::ALL {
            deleted += retention::delete(&self.inner.database, pipeline, class, last).await?;
        }
        Ok(deleted)
    }

    /// Writes every ended run. For the shutdown, when nothing begins any more.
    ///
    /// # Errors
    /// The store failed; what is not written stays in memory.
    pub async fn flush(&self) -> Result<(), TasksError> {
        self.inner.flusher.lock().await.flush().await
    }

    /// Deletes the tasks of every pipeline that are too old or too many, and returns how many.
    ///
    /// # Errors
    /// The store failed; some tasks may be deleted.
    pub async fn sweep(&self) -> Result<u64, TasksError> {
        self.inner.flusher.lock().await.sweep().await
    }

    /// Writes and sweeps periodically, forever. It can be dropped at any moment, and retries after
    /// errors.
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

/// The first `limit` tasks, or fewer that fit into `bytes_max` of JSON, but one at least.
fn page(tasks: impl Iterator<Item = Task>, limit: usize, bytes_max: usize) -> TaskPage {
    let (mut page, mut bytes) = (TaskPage::default(), 0_usize);
    for task in tasks {
        bytes = bytes.saturating_add(task.json_len());
        let is_full = page.tasks.len() == limit || bytes > bytes_max;
        if is_full && !page.tasks.is_empty() {
            page.next = page.tasks.last().map(|task| task.id);
            break;
        }
        page.tasks.push(task);
    }
    if page.tasks.len() >= limit {
        page.next = page.tasks.last().map(|task| task.id);
    }
    page
}

#[cfg(test)]
mod tests;
