//! What is recorded of a run, and what its end is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hayrick_types::chunk::{Chunk, FinishReason, Usage};
use hayrick_types::contract::Export;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::job::{JobId, Progress};
use hayrick_types::task::{Task, TaskFilter, TaskStart, TaskStatus};

use crate::database::Database;
use crate::tasks::Tasks;
use crate::tasks::config::TasksConfig;
use crate::tasks::tests::{Fixture, MS, start};

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
            fixture.list("p", TaskFilter::default()).await,
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
#[expect(
    clippy::too_many_lines,
    reason = "a test that tells one story from start to end is easier to follow in one piece"
)]
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
        details: None,
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
        .for_each(|used| recorder.usage(&used));
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
            output_tokens: 5,
            details: None,
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
        (30, "71", 1024)
    );
    assert_eq!(
        (task.notes[0].at, task.started_at, task.ended_at),
        (1_000_072, 1_000_000, Some(1_000_101))
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
        details: None,
    });
    assert_eq!(
        fixture.tasks.get("p", task.id).await.unwrap(),
        Some(Task { usage, ..task })
    );
}

#[tokio::test]
async fn the_first_end_counts_and_without_one_the_client_hung_up() {
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
