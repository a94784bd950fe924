//! Tasks in use: recorded into a folder of their own, with a clock that the tests move.

mod disk;
mod model;
mod recording;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hayrick_types::contract::Export;
use hayrick_types::id::RunId;
use hayrick_types::task::{Task, TaskFilter, TaskStart};
use tempfile::TempDir;

use crate::database::Database;
use crate::tasks::Tasks;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::recorder::TaskRecorder;

const MS: Duration = Duration::from_millis(1);

/// Tasks in a folder that is gone afterwards, with a clock that a test moves.
struct Fixture {
    folder: TempDir,
    now: Arc<AtomicU64>,
    database: Database,
    tasks: Tasks,
}

impl Fixture {
    async fn new(config: TasksConfig) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
        let now = Arc::new(AtomicU64::new(1_000_000));
        let hand = Arc::clone(&now);
        let tasks = Tasks::open(
            database.clone(),
            config,
            Arc::new(move || hand.load(Ordering::SeqCst)),
        )
        .await
        .unwrap();
        Fixture {
            folder,
            now,
            database,
            tasks,
        }
    }

    fn begin(&self, pipeline: &str) -> TaskRecorder {
        self.tasks.begin(start(pipeline))
    }

    fn advance(&self, time: Duration) {
        self.now
            .fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    async fn sql(&self, sql: &'static str) {
        self.database
            .write(move |connection| Ok::<_, TasksError>(connection.execute_batch(sql)?))
            .await
            .unwrap();
    }

    async fn list(&self, pipeline: &str, filter: TaskFilter) -> Vec<Task> {
        self.tasks.list(pipeline, filter).await.unwrap().tasks
    }

    /// The ids that the store has, oldest first.
    async fn stored(&self, pipeline: &'static str) -> Vec<RunId> {
        let query = move |connection: &rusqlite::Transaction<'_>| {
            let mut statement =
                connection.prepare("SELECT id FROM task WHERE pipeline = ?1 ORDER BY id")?;
            let ids = statement.query_map([pipeline], |row| Ok(RunId::from_bytes(row.get(0)?)))?;
            Ok::<_, TasksError>(ids.collect::<Result<Vec<_>, _>>()?)
        };
        self.database.read(query).await.unwrap()
    }
}

fn start(pipeline: &str) -> TaskStart<'_> {
    TaskStart {
        id: RunId::fresh(),
        pipeline,
        kind: Export::Chat,
        messages: Some(2),
        files: None,
        job: None,
    }
}

fn ids(tasks: &[Task]) -> Vec<RunId> {
    tasks.iter().map(|task| task.id).collect()
}
