//! Random runs against a simple model of what ought to be known.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hayrick_types::contract::Export;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::settings::tasks::TasksSettings;
use hayrick_types::task::{Task, TaskFilter, TaskStart, TaskStatus};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::{Index, select};
use proptest::{collection, option};

use crate::tasks::config::TasksConfig;
use crate::tasks::recorder::TaskRecorder;
use crate::tasks::tests::{Fixture, MS, ids, start};

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
        failed_kept_max: 3,
        keep_failed: Duration::from_millis(150),
        kept_bytes_max: u64::MAX,
        notes_bytes_max: 2 << 10,
        page_bytes_max: usize::MAX,
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

    /// Those that ended at most `age` ago, and of them the last few; failed ones or the others.
    fn retain(&mut self, failed: bool, now: u64, age: Duration, count: usize) -> u64 {
        let before = self.ended.len();
        let is_meant = |task: &Task| (task.status == TaskStatus::Error) == failed;
        let age = age.as_millis() as u64;
        self.ended
            .retain(|_, task| !is_meant(task) || now - task.ended_at.unwrap() < age);
        while self.ended.values().filter(|task| is_meant(task)).count() > count {
            let meant = self.ended.values().filter(|task| is_meant(task));
            let first = meant.min_by_key(|task| task.ended_at).unwrap().id;
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
            let failure = |kind| Failure::new(kind, "why");
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
            let now = fixture.now.load(Ordering::SeqCst);
            let expected = [true, false].map(|failed| model.retain(failed, now, age, usize::MAX));
            assert_eq!(deleted, expected.iter().sum::<u64>());
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
                ids(&fixture.list("p", filter).await),
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
    let (now, kept) = (fixture.now.load(Ordering::SeqCst), SMALL.settings);
    model.retain(false, now, kept.keep, kept.kept_max);
    model.retain(true, now, kept.keep_failed, kept.failed_kept_max);
    let listed = fixture
        .list(
            "p",
            TaskFilter {
                limit: 1000,
                ..TaskFilter::default()
            },
        )
        .await;
    assert_eq!(listed, model.all().into_values().rev().collect::<Vec<_>>());
}

async fn check(fixture: &Fixture, model: &Model) {
    let all = model.all();
    let listed = fixture
        .list(
            "p",
            TaskFilter {
                limit: 1000,
                ..TaskFilter::default()
            },
        )
        .await;
    for task in &listed {
        assert!(
            all.get(&task.id).is_none_or(|known| known == task),
            "{task:?}"
        );
    }
    let seen = ids(&listed);
    assert!(
        model.running.keys().all(|id| seen.contains(id)),
        "a running task is not listed"
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
    fn running_tasks_are_kept_and_only_old_or_surplus_ones_are_deleted(actions in actions()) {
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
