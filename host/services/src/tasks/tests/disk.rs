//! What gets to disk and when, what survives a crash, and what is removed.

use std::sync::Arc;

use futures_util::FutureExt;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::settings::tasks::TasksSettings;
use hayrick_types::task::{Note, Task, TaskFilter, TaskStatus};
use tokio::task::JoinSet;

use crate::database::error::DatabaseError;
use crate::tasks::Tasks;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::recorder::TaskRecorder;
use crate::tasks::tests::{Fixture, MS, ids};

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
        assert_eq!(fixture.list("p", TaskFilter::default()).await.len(), count);
    }
    lasting.finish(Ok(()));
    fixture.tasks.flush().await.unwrap();
    assert_eq!(fixture.stored("p").await.len(), 3);
    assert_eq!(fixture.tasks.inner.live_runs.ended_count(), 0);
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
        assert_eq!(ids(&fixture.list("p", filter).await), newest);
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
    let listed = fixture.list("busy", TaskFilter::default()).await;
    assert!(listed.len() > 10 && listed.len() < 20, "{}", listed.len());
    assert_eq!(listed.first(), newest.as_ref());
    assert_eq!(
        fixture.list("quiet", TaskFilter::default()).await.len(),
        1,
        "it does not pay for another"
    );
    fixture.sql("PRAGMA max_page_count = 1000000").await;
    fixture.tasks.flush().await.unwrap();
    assert_eq!(fixture.list("busy", TaskFilter::default()).await, listed);
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
        "the store had it as a running task"
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
async fn old_and_surplus_tasks_are_deleted_by_themselves() {
    let config = TasksConfig {
        settings: TasksSettings {
            kept_max: 16,
            keep: 1000 * MS,
            ..TasksSettings::default()
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

#[tokio::test]
async fn runs_that_cannot_be_forgotten_yet_displace_no_newer_ones() {
    let fixture = Fixture::new(TasksConfig {
        settings: TasksSettings {
            kept_max: 6,
            ..TasksSettings::default()
        },
        ..TasksConfig::default()
    })
    .await;
    // The second flush writes them as runs that go on.
    let lasting: Vec<TaskRecorder> = (0..4).map(|_| fixture.begin("p")).collect();
    fixture.tasks.flush().await.unwrap();
    fixture.tasks.flush().await.unwrap();
    let mut begun = Vec::new();
    for recorder in lasting {
        fixture.advance(MS);
        recorder.finish(Ok(()));
        begun.push(recorder.id());
    }
    for _ in 0..3 {
        let recorder = fixture.begin("p");
        fixture.advance(MS);
        recorder.finish(Ok(()));
        begun.push(recorder.id());
    }
    fixture.tasks.flush().await.unwrap();
    fixture.tasks.sweep().await.unwrap();
    assert_eq!(fixture.stored("p").await, begun[1..]);
}

#[tokio::test]
async fn successes_displace_no_failures() {
    let fixture = Fixture::new(TasksConfig {
        settings: TasksSettings {
            kept_max: 10,
            keep: 1000 * MS,
            failed_kept_max: 2,
            keep_failed: 5000 * MS,
            ..TasksSettings::default()
        },
        ..TasksConfig::default()
    })
    .await;
    let mut failed = Vec::new();
    for number in 0..40 {
        let recorder = fixture.begin("p");
        fixture.advance(MS);
        if number % 8 == 0 {
            recorder.finish(Err(&Failure::new(FailureKind::Failed, "why")));
            failed.push(recorder.id());
        } else {
            recorder.finish(Ok(()));
        }
        if number % 10 == 0 {
            fixture.tasks.flush().await.unwrap();
        }
    }
    fixture.tasks.flush().await.unwrap();
    fixture.tasks.sweep().await.unwrap();
    assert_eq!(fixture.stored("p").await.len(), 10 + 2);
    fixture.advance(1000 * MS);
    fixture.tasks.sweep().await.unwrap();
    assert_eq!(fixture.stored("p").await, failed[3..]);
    fixture.advance(4000 * MS);
    fixture.tasks.sweep().await.unwrap();
    assert_eq!(fixture.stored("p").await, []);
}

#[tokio::test]
async fn notes_and_pages_are_bounded_in_bytes() {
    let settings = TasksSettings {
        notes_bytes_max: 4 << 10,
        page_bytes_max: 16 << 10,
        kept_bytes_max: 40 << 10,
        ..TasksSettings::default()
    };
    let fixture = Fixture::new(TasksConfig {
        settings,
        ..TasksConfig::default()
    })
    .await;
    for _ in 0..20 {
        let recorder = fixture.begin("p");
        fixture.advance(MS);
        for _ in 0..100 {
            // As JSON, each of these characters has six bytes.
            recorder.note(&"\u{1}".repeat(1 << 10));
        }
        recorder.note("last");
        recorder.finish(Ok(()));
        let task = recorder.snapshot();
        let notes: usize = task.notes.iter().map(Note::json_len).sum();
        assert!(notes <= 4 << 10 && notes > 2 << 10, "{notes}");
        assert_eq!(task.notes.last().unwrap().text, "last");
    }
    let mut seen = Vec::new();
    // In memory, and then on disk.
    for flush in [false, true] {
        if flush {
            fixture.tasks.flush().await.unwrap();
        }
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let filter = TaskFilter {
                before,
                limit: 1000,
                ..TaskFilter::default()
            };
            let page = fixture.tasks.list("p", filter).await.unwrap();
            let bytes: usize = page.tasks.iter().map(Task::json_len).sum();
            assert!(bytes <= 16 << 10, "{bytes}");
            found.extend(ids(&page.tasks));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        seen.push(found);
    }
    assert_eq!((seen[0].len(), &seen[0]), (20, &seen[1]));
    fixture.tasks.sweep().await.unwrap();
    let kept = fixture.stored("p").await.len();
    assert!((8..20).contains(&kept), "{kept}");
}
