//! Tasks in use: what is recorded, where it can be seen, what is kept after a crash, and what goes
//! when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use hayrick_types::chunk::{Chunk, FinishReason, Usage};
use hayrick_types::contract::Export;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::job::{JobId, Progress};
use hayrick_types::task::{Task, TaskFilter, TaskStart, TaskStatus};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::{Index, select};
use proptest::{collection, option};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::database::error::DatabaseError;
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

#[tokio::test]
async fn a_run_is_seen_from_its_begin_to_long_after_its_end() {
    let fixture = Fixture::new(TasksConfig::default()).await;
    let recorder = fixture.begin("p");
    let id = recorder.id();
    let status = async || {
        fixture
            .tasks
            .get("p", id)
            .await
            .unwrap()
            .map(|task| task.status)
    };
    assert_eq!(status().await, Some(TaskStatus::Started));
    recorder.processing();
    assert_eq!(status().await, Some(TaskStatus::Processing));
    recorder.finish(Ok(()));
    assert_eq!(status().await, Some(TaskStatus::Completed));
    let task = recorder.snapshot();
    drop(recorder);
    for _ in 0..2 {
        assert_eq!(
            fixture
                .tasks
                .list("p", TaskFilter::default())
                .await
                .unwrap(),
            std::slice::from_ref(&task)
        );
        assert_eq!(
            fixture.tasks.get("p", id).await.unwrap(),
            Some(task.clone())
        );
        assert_eq!(
            fixture.tasks.get("q", id).await.unwrap(),
            None,
            "another pipeline's"
        );
        fixture.tasks.flush().await.unwrap();
    }
    drop((fixture.tasks, fixture.database));
    let database = Database::open(&fixture.folder.path().join("hayrick.db")).unwrap();
    let tasks = Tasks::open(database, TasksConfig::default(), Arc::new(|| 0))
        .await
        .unwrap();
    assert_eq!(tasks.get("p", id).await.unwrap(), Some(task));
}

#[tokio::test]
async fn what_a_run_does_adds_up() {
    let fixture = Fixture::new(TasksConfig::default()).await;
    let job = JobId::fresh();
    let recorder = fixture.tasks.begin(TaskStart {
        kind: Export::Job,
        files: Some(3),
        messages: None,
        job: Some(job),
        ..start("p")
    });
    let usage = |input_tokens, output_tokens| Usage {
        input_tokens,
        output_tokens,
    };
    for chunk in [
        Chunk::Text("äh".to_owned()),
        Chunk::Usage(usage(7, 7)),
        Chunk::Finish(FinishReason::Stop),
    ] {
        recorder.chunk(&chunk);
    }
    // What the models say counts, not what the plugin passes on of it.
    [usage(1, 2), usage(u64::MAX, 3)]
        .into_iter()
        .for_each(|used| recorder.usage(used));
    recorder.report(Progress {
        done: 1,
        total: None,
        message: None,
    });
    recorder.report(Progress {
        done: u64::MAX,
        total: Some(3),
        message: Some("ä".repeat(513)),
    });
    for index in 0..101 {
        fixture.advance(MS);
        recorder.note(&format!("{index:02}{}", "ä".repeat(512)));
    }
    recorder.finish(Err(&Failure::new(
        FailureKind::Timeout,
        "x".repeat((8 << 10) + 1),
    )));
    let task = recorder.snapshot();
    assert_eq!((task.chunks, task.bytes), (3, 3));
    assert_eq!(
        task.usage,
        Some(Usage {
            input_tokens: u64::MAX,
            output_tokens: 5
        })
    );
    assert_eq!(
        task.progress,
        Some(Progress {
            done: u64::MAX,
            total: Some(3),
            message: Some("ä".repeat(512))
        })
    );
    assert_eq!(
        (
            task.notes.len(),
            &task.notes[0].text[..2],
            task.notes[0].text.len()
        ),
        (100, "01", 1024)
    );
    assert_eq!(
        (task.notes[0].at, task.started_at, task.ended_at),
        (1_000_002, 1_000_000, Some(1_000_101))
    );
    assert_eq!(
        (task.status, task.error.clone().unwrap().len()),
        (TaskStatus::Error, 8 << 10)
    );
    assert_eq!(
        (task.kind, task.messages, task.files, task.job),
        (Export::Job, None, Some(3), Some(job))
    );
    fixture.tasks.flush().await.unwrap();
    // SQLite's integers end halfway.
    let usage = Some(Usage {
        input_tokens: i64::MAX as u64,
        output_tokens: 5,
    });
    assert_eq!(
        fixture.tasks.get("p", task.id).await.unwrap(),
        Some(Task { usage, ..task })
    );
}

#[tokio::test]
async fn the_first_end_counts_and_a_run_nobody_ends_was_hung_up_on() {
    let fixture = Fixture::new(TasksConfig::default()).await;
    let recorder = fixture.begin("p");
    recorder.finish(Err(&Failure::new(
        FailureKind::Cancelled,
        "an operator stopped it",
    )));
    recorder.finish(Ok(()));
    recorder.processing();
    recorder.note("too late");
    let task = recorder.snapshot();
    assert_eq!(
        (task.status, task.error.as_deref(), task.notes.len()),
        (TaskStatus::Cancelled, Some("an operator stopped it"), 0)
    );
    let recorder = fixture.begin("p");
    let (id, clone) = (recorder.id(), recorder.clone());
    drop(recorder);
    assert_eq!(clone.snapshot().status, TaskStatus::Started);
    drop(clone);
    let task = fixture.tasks.get("p", id).await.unwrap().unwrap();
    assert_eq!(
        (task.status, task.error.as_deref()),
        (TaskStatus::Cancelled, Some("the client hung up"))
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_ends_no_run_before_its_begin() {
    let fixture = Fixture::new(TasksConfig::default()).await;
    let recorder = fixture.begin("p");
    fixture.now.store(5, Ordering::SeqCst);
    recorder.finish(Ok(()));
    assert_eq!(recorder.snapshot().ended_at, Some(1_000_000));
}

#[tokio::test]
async fn after_a_crash_no_run_that_lasted_is_forgotten() {
    let fixture = Fixture::new(TasksConfig::default()).await;
    let lasting = fixture.begin("p");
    fixture.tasks.flush().await.unwrap();
    assert_eq!(fixture.stored("p").await, [], "it may be a short one");
    let short = fixture.begin("p");
    fixture.tasks.flush().await.unwrap();
    assert_eq!(fixture.stored("p").await, [lasting.id()]);
    fixture.advance(10 * MS);
    // What a process finds that starts after this one was killed.
    let after = Tasks::open(
        fixture.database.clone(),
        TasksConfig::default(),
        Arc::new(|| 1_000_020),
    )
    .await
    .unwrap();
    let task = after.get("p", lasting.id()).await.unwrap().unwrap();
    assert_eq!(
        (task.status, task.ended_at),
        (TaskStatus::Error, Some(1_000_020))
    );
    assert_eq!(
        task.error.as_deref(),
        Some("the host stopped before this run ended")
    );
    assert_eq!(after.get("p", short.id()).await.unwrap(), None);
    // And its true end where there was no crash.
    lasting.finish(Ok(()));
    fixture.tasks.flush().await.unwrap();
    assert_eq!(
        after.get("p", lasting.id()).await.unwrap(),
        Some(lasting.snapshot())
    );
}

#[tokio::test]
async fn a_flush_that_is_dropped_halfway_loses_nothing() {
    let fixture = Fixture::new(TasksConfig::default()).await;
    let lasting = fixture.begin("p");
    for count in [2, 3] {
        fixture.begin("p").finish(Ok(()));
        assert!(
            fixture.tasks.flush().now_or_never().is_none(),
            "it has to wait for the disk"
        );
        assert_eq!(
            fixture
                .tasks
                .list("p", TaskFilter::default())
                .await
                .unwrap()
                .len(),
            count
        );
    }
    lasting.finish(Ok(()));
    fixture.tasks.flush().await.unwrap();
    assert_eq!(fixture.stored("p").await.len(), 3);
    assert_eq!(fixture.tasks.inner.board.ended_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_never_out_of_sight_on_its_way_to_disk() {
    let fixture = Fixture::new(TasksConfig {
        flush_interval: MS,
        ..TasksConfig::default()
    })
    .await;
    let mut background = JoinSet::new();
    background.spawn(fixture.tasks.clone().flush_loop());
    let mut begun = Vec::new();
    while fixture.stored("p").await.len() < 200 {
        let recorder = fixture.begin("p");
        begun.push(recorder.id());
        if begun.len() % 3 != 0 {
            recorder.finish(Ok(()));
        }
        drop(recorder);
        let newest: Vec<RunId> = begun.iter().rev().take(50).copied().collect();
        let filter = TaskFilter {
            limit: 50,
            ..TaskFilter::default()
        };
        assert_eq!(ids(&fixture.tasks.list("p", filter).await.unwrap()), newest);
        for id in newest {
            assert!(fixture.tasks.get("p", id).await.unwrap().is_some());
        }
        let counts = fixture.tasks.counts("p").await.unwrap();
        assert_eq!((counts.completed + counts.cancelled) as usize, begun.len());
    }
}

#[tokio::test]
async fn a_full_disk_bounds_memory_and_passes() {
    let fixture = Fixture::new(TasksConfig {
        unwritten_bytes_max: 20 << 10,
        ..TasksConfig::default()
    })
    .await;
    let lasting = fixture.begin("busy");
    for _ in 0..2 {
        fixture.tasks.flush().await.unwrap();
    }
    lasting.finish(Ok(()));
    fixture.sql("PRAGMA max_page_count = 1").await;
    fixture.begin("quiet").finish(Ok(()));
    let mut newest = None;
    for _ in 0..100 {
        let recorder = fixture.begin("busy");
        recorder.finish(Err(&Failure::new(FailureKind::Failed, "x".repeat(1 << 10))));
        newest = Some(recorder.snapshot());
    }
    let error = fixture.tasks.flush().await.unwrap_err();
    assert!(
        matches!(error, TasksError::Database(DatabaseError::Full)),
        "{error:?}"
    );
    let listed = fixture
        .tasks
        .list("busy", TaskFilter::default())
        .await
        .unwrap();
    assert!(listed.len() > 10 && listed.len() < 20, "{}", listed.len());
    assert_eq!(listed.first(), newest.as_ref());
    assert_eq!(
        fixture
            .tasks
            .list("quiet", TaskFilter::default())
            .await
            .unwrap()
            .len(),
        1,
        "it does not pay for another"
    );
    fixture.sql("PRAGMA max_page_count = 1000000").await;
    fixture.tasks.flush().await.unwrap();
    assert_eq!(
        fixture
            .tasks
            .list("busy", TaskFilter::default())
            .await
            .unwrap(),
        listed
    );
    assert_eq!(fixture.stored("busy").await.len(), listed.len());
    let first = fixture
        .tasks
        .get("busy", lasting.id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        first.status,
        TaskStatus::Completed,
        "the store had it as a run that goes on"
    );
}

#[tokio::test]
async fn no_more_is_written_than_is_kept() {
    let fixture = Fixture::new(TasksConfig {
        settings: TasksSettings {
            kept_max: 10,
            ..TasksSettings::default()
        },
        ..TasksConfig::default()
    })
    .await;
    let mut begun = Vec::new();
    for _ in 0..100 {
        let recorder = fixture.begin("p");
        recorder.finish(Ok(()));
        begun.push(recorder.id());
    }
    fixture.tasks.flush().await.unwrap();
    assert_eq!(fixture.stored("p").await, begun[90..]);
}

#[tokio::test]
async fn what_is_too_old_or_too_many_goes_by_itself() {
    let config = TasksConfig {
        settings: TasksSettings {
            kept_max: 16,
            keep: 1000 * MS,
        },
        flush_interval: MS,
        ..TasksConfig::default()
    };
    let fixture = Fixture::new(config).await;
    let lasting = fixture.begin("p");
    fixture.begin("old").finish(Ok(()));
    fixture.tasks.flush().await.unwrap();
    fixture.advance(1000 * MS);
    let mut background = JoinSet::new();
    background.spawn(fixture.tasks.clone().flush_loop());
    let mut newest = Vec::new();
    for _ in 0..50 {
        let recorder = fixture.begin("p");
        fixture.advance(MS);
        recorder.finish(Ok(()));
        newest.push(recorder.id());
        while !fixture.stored("p").await.contains(&recorder.id()) {
            tokio::task::yield_now().await;
        }
    }
    // It is swept after each two that are added.
    while fixture.stored("p").await.len() > 16 + 2 + 1 {
        tokio::task::yield_now().await;
    }
    let stored = fixture.stored("p").await;
    assert!(stored.ends_with(&newest[34..]), "{stored:?}");
    assert_eq!(stored.first(), Some(&lasting.id()));
    assert_eq!(fixture.stored("old").await, []);
}

/// What may happen to the runs of a pipeline.
#[derive(Debug, Clone)]
enum Action {
    Begin {
        kind: Export,
    },
    Process {
        run: Index,
    },
    End {
        run: Index,
        status: TaskStatus,
    },
    Advance {
        ms: u64,
    },
    Flush,
    Sweep,
    DeleteOlder {
        age_ms: u64,
    },
    List {
        status: Option<TaskStatus>,
        kind: Option<Export>,
        before: Option<Index>,
        limit: u32,
    },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let ends = || {
        select(vec![
            TaskStatus::Completed,
            TaskStatus::Error,
            TaskStatus::Cancelled,
        ])
    };
    let list = (
        option::of(select(TaskStatus::ALL.to_vec())),
        option::of(select(Export::ALL.to_vec())),
        option::of(any::<Index>()),
        0..9_u32,
    );
    let action = prop_oneof![
        5 => select(Export::ALL.to_vec()).prop_map(|kind| Action::Begin { kind }),
        2 => any::<Index>().prop_map(|run| Action::Process { run }),
        5 => (any::<Index>(), ends()).prop_map(|(run, status)| Action::End { run, status }),
        2 => (0..40_u64).prop_map(|ms| Action::Advance { ms }),
        2 => Just(Action::Flush),
        1 => Just(Action::Sweep),
        1 => (0..60_u64).prop_map(|age_ms| Action::DeleteOlder { age_ms }),
        3 => list.prop_map(|(status, kind, before, limit)| Action::List { status, kind, before, limit }),
    ];
    collection::vec(action, 1..60)
}

/// Few are kept, and not for long.
const SMALL: TasksConfig = TasksConfig {
    settings: TasksSettings {
        kept_max: 6,
        keep: Duration::from_millis(100),
    },
    flush_interval: MS,
    unwritten_bytes_max: usize::MAX,
};

/// What ought to be known: every run, until it is rightly forgotten.
#[derive(Default)]
struct Model {
    running: BTreeMap<RunId, TaskRecorder>,
    ended: BTreeMap<RunId, Task>,
}

impl Model {
    fn all(&self) -> BTreeMap<RunId, Task> {
        let running = self
            .running
            .iter()
            .map(|(id, recorder)| (*id, recorder.snapshot()));
        running.chain(self.ended.clone()).collect()
    }

    /// Those that ended at most `age` ago, and of them the last few.
    fn retain(&mut self, now: u64, age: Duration, count: usize) -> u64 {
        let before = self.ended.len();
        self.ended
            .retain(|_, task| now - task.ended_at.unwrap() < age.as_millis() as u64);
        while self.ended.len() > count {
            let first = self
                .ended
                .values()
                .min_by_key(|task| task.ended_at)
                .unwrap()
                .id;
            self.ended.remove(&first);
        }
        (before - self.ended.len()) as u64
    }

    fn list(&self, filter: &TaskFilter) -> Vec<RunId> {
        let tasks = self.all().into_values().rev();
        let matches = |task: &Task| {
            filter.status.is_none_or(|status| task.status == status)
                && filter.kind.is_none_or(|kind| task.kind == kind)
                && filter.before.is_none_or(|before| task.id < before)
        };
        tasks
            .filter(matches)
            .take(filter.limit as usize)
            .map(|task| task.id)
            .collect()
    }
}

async fn act(fixture: &Fixture, model: &mut Model, action: Action) {
    match action {
        Action::Begin { kind } => {
            let recorder = fixture.tasks.begin(TaskStart { kind, ..start("p") });
            model.running.insert(recorder.id(), recorder);
        }
        Action::Process { run } if !model.running.is_empty() => model
            .running
            .values()
            .nth(run.index(model.running.len()))
            .unwrap()
            .processing(),
        Action::End { run, status } if !model.running.is_empty() => {
            let id = *model
                .running
                .keys()
                .nth(run.index(model.running.len()))
                .unwrap();
            let recorder = model.running.remove(&id).unwrap();
            // No two end at the same time, so that it is clear which goes first.
            fixture.advance(MS);
            let failure = |kind| Failure::new(kind, "told");
            match status {
                TaskStatus::Completed => recorder.finish(Ok(())),
                TaskStatus::Error => recorder.finish(Err(&failure(FailureKind::Failed))),
                _ => recorder.finish(Err(&failure(FailureKind::Cancelled))),
            }
            model.ended.insert(id, recorder.snapshot());
        }
        Action::Advance { ms } => fixture.advance(Duration::from_millis(ms)),
        Action::Flush => fixture.tasks.flush().await.unwrap(),
        Action::Sweep => sweep(fixture, model).await,
        Action::DeleteOlder { age_ms } => {
            sweep(fixture, model).await;
            let age = Duration::from_millis(age_ms);
            let deleted = fixture.tasks.delete_older("p", age).await.unwrap();
            assert_eq!(
                deleted,
                model.retain(fixture.now.load(Ordering::SeqCst), age, usize::MAX)
            );
        }
        Action::List {
            status,
            kind,
            before,
            limit,
        } => {
            sweep(fixture, model).await;
            let all = model.all();
            let before = before
                .filter(|_| !all.is_empty())
                .map(|before| *all.keys().nth(before.index(all.len())).unwrap());
            let filter = TaskFilter {
                status,
                kind,
                before,
                limit,
            };
            assert_eq!(
                ids(&fixture.tasks.list("p", filter).await.unwrap()),
                model.list(&filter),
                "{filter:?}"
            );
        }
        Action::Process { .. } | Action::End { .. } => {}
    }
}

/// What is too old or too many may be forgotten early or late, but no later than this.
async fn sweep(fixture: &Fixture, model: &mut Model) {
    fixture.tasks.flush().await.unwrap();
    fixture.tasks.sweep().await.unwrap();
    model.retain(
        fixture.now.load(Ordering::SeqCst),
        SMALL.settings.keep,
        SMALL.settings.kept_max,
    );
    let listed = fixture
        .tasks
        .list(
            "p",
            TaskFilter {
                limit: 1000,
                ..TaskFilter::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(listed, model.all().into_values().rev().collect::<Vec<_>>());
}

async fn check(fixture: &Fixture, model: &Model) {
    let all = model.all();
    let listed = fixture
        .tasks
        .list(
            "p",
            TaskFilter {
                limit: 1000,
                ..TaskFilter::default()
            },
        )
        .await
        .unwrap();
    for task in &listed {
        assert!(
            all.get(&task.id).is_none_or(|known| known == task),
            "{task:?}"
        );
    }
    let seen = ids(&listed);
    assert!(
        model.running.keys().all(|id| seen.contains(id)),
        "a run that goes on is out of sight"
    );
    let counts = fixture.tasks.counts("p").await.unwrap();
    let sum =
        counts.started + counts.processing + counts.completed + counts.error + counts.cancelled;
    assert_eq!(
        (sum, counts.started + counts.processing),
        (listed.len() as u64, model.running.len() as u64)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_runs_that_go_on_are_kept_and_no_more_goes_than_ought_to(actions in actions()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (fixture, mut model) = (Fixture::new(SMALL).await, Model::default());
            for action in actions {
                act(&fixture, &mut model, action).await;
                check(&fixture, &model).await;
            }
        });
    }
}
