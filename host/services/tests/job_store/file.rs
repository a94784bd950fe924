//! What holds of the store in a file: it survives, it fills up, it shrinks.

use std::time::Duration;

use futures_util::future::join_all;
use hayrick_services::database::error::DatabaseError;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::store::NewJob;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::job::{AttemptEnd, Job, JobStatus, OwnerId};
use hayrick_types::settings::jobs::Retention;

use crate::bench::{Bench, PENDING_MAX, SECOND, claim, completed, get, new_job, submit};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let bench = Bench::sqlite();
    let keyed = NewJob {
        idempotency_key: Some("k".to_owned()),
        ..new_job()
    };
    let id = submit(bench.store(), keyed.clone()).await;
    let submitted = join_all((0..50).map(|_| bench.store().submit(new_job()))).await;
    let mut jobs: Vec<Job> = submitted
        .into_iter()
        .map(|submitted| submitted.unwrap().job)
        .collect();
    for (turn, claimed) in claim(bench.store(), 10).await.into_iter().enumerate() {
        bench
            .store()
            .checkpoint(claimed.lease(), turn.to_string())
            .await
            .unwrap();
        let end = if turn % 2 == 0 {
            completed()
        } else {
            AttemptEnd::Failed("never".to_owned())
        };
        bench.store().finish(claimed.lease(), end).await.unwrap();
    }
    for job in &mut jobs {
        *job = get(bench.store(), job.id).await;
    }
    let running = claim(bench.store(), 1).await.remove(0);
    bench
        .store()
        .checkpoint(running.lease(), "\"so far\"".to_owned())
        .await
        .unwrap();

    let bench = bench.reopen();
    assert_eq!(bench.store().submit(keyed).await.unwrap().job.id, id);
    for job in jobs.iter().filter(|job| job.id != running.job.id) {
        assert_eq!(&get(bench.store(), job.id).await, job);
    }
    assert_eq!(
        bench.store().reclaim(OwnerId::fresh()).await.unwrap().len(),
        1
    );
    let again = claim(bench.store(), 1).await.remove(0);
    assert_eq!(
        (again.job.id, again.job.attempt, again.job.crashes),
        (running.job.id, 2, 1)
    );
    assert_eq!(again.checkpoint.as_deref(), Some("\"so far\""));
}

async fn pragma(bench: &Bench, name: &'static str) -> u64 {
    let query = move |connection: &_| {
        Ok::<_, DatabaseError>(rusqlite::Connection::pragma_query_value(
            connection,
            None,
            name,
            |row| row.get(0),
        )?)
    };
    bench.database.write(query).await.unwrap()
}

async fn set(bench: &Bench, name: &'static str, value: u64) {
    // The answer to this pragma is the value it took.
    let set = move |connection: &rusqlite::Connection| {
        Ok::<_, DatabaseError>(connection.pragma_update_and_check(None, name, value, |_| Ok(()))?)
    };
    bench.database.write(set).await.unwrap();
}

/// A job of about 100 KB.
fn large() -> NewJob {
    NewJob {
        data: format!("\"{}\"", "x".repeat(100_000)),
        ..new_job()
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_heals() {
    let bench = Bench::sqlite();
    let id = submit(bench.store(), new_job()).await;
    let claimed = claim(bench.store(), 1).await.remove(0);
    set(
        &bench,
        "max_page_count",
        pragma(&bench, "page_count").await + 10,
    )
    .await;
    let refused = bench.store().submit(large()).await.unwrap_err();
    assert!(matches!(refused, JobError::DiskFull(_)), "{refused:?}");
    assert_eq!(Failure::from(refused).kind, FailureKind::Unavailable);
    assert_eq!(
        bench.store().counts("echo").await.unwrap().pending,
        0,
        "what was refused left nothing"
    );
    set(&bench, "max_page_count", 1 << 30).await;
    submit(bench.store(), large()).await;
    bench
        .store()
        .finish(claimed.lease(), completed())
        .await
        .unwrap();
    assert_eq!(get(bench.store(), id).await.status, JobStatus::Completed);
}

#[tokio::test]
async fn space_of_swept_jobs_goes_back_to_the_disk() {
    let bench = Bench::sqlite();
    for _ in 0..PENDING_MAX {
        let id = submit(bench.store(), large()).await;
        bench.store().cancel("echo", id).await.unwrap();
    }
    let before = pragma(&bench, "page_count").await;
    bench.time.pass(25 * 3600 * SECOND);
    assert_eq!(
        bench.store().sweep(Retention::default()).await.unwrap() as u64,
        PENDING_MAX
    );
    let (after, free) = (
        pragma(&bench, "page_count").await,
        pragma(&bench, "freelist_count").await,
    );
    assert!(
        before > 4000 && after < 1500 && free <= 1024,
        "{before} pages before, {after} after, {free} of them free"
    );
    let retention = Retention {
        keep_completed: Duration::ZERO,
        ..Retention::default()
    };
    assert_eq!(bench.store().sweep(retention).await.unwrap(), 0);
}
