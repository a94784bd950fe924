//! The rules of attempts: how they begin, end and follow on each other.

use std::time::Duration;

use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::store::{JobStore, NewJob, Notice};
use hayrick_types::job::{AttemptEnd, JobCounts, JobStatus, OwnerId, Progress};

use crate::bench::{
    SECOND, START, Time, claim, claim_one, completed, get, new_job, retry, room, submit,
};

pub async fn a_job_goes_from_submission_to_its_result(store: &dyn JobStore, time: &Time) {
    let new = new_job();
    let submitted = store.submit(new.clone()).await.unwrap();
    let job = submitted.job;
    assert!(submitted.created);
    assert_eq!(
        (job.id, &job.pipeline, &job.kind, &job.data),
        (new.id, &new.pipeline, &new.kind, &new.data)
    );
    assert_eq!(
        (job.status, job.attempt, job.attempts_max, job.timeout),
        (JobStatus::Pending, 0, 4, new.timeout)
    );
    assert_eq!(
        (job.created_at, job.run_at, job.started_at, job.completed_at),
        (START, START, None, None)
    );
    time.pass(SECOND);
    let claimed = claim_one(store).await;
    assert_eq!(
        (
            claimed.job.status,
            claimed.job.attempt,
            claimed.job.started_at
        ),
        (JobStatus::Running, 1, Some(START + 1000))
    );
    assert!(claimed.job.revision > job.revision);
    let progress = Progress {
        done: 1,
        total: Some(u64::MAX),
        message: Some("half".to_owned()),
    };
    store.report(claimed.lease(), progress).await.unwrap();
    let seen = get(store, job.id).await;
    let shown = seen.progress.unwrap();
    assert_eq!((shown.done, shown.message.as_deref()), (1, Some("half")));
    assert!(seen.revision > claimed.job.revision);
    time.pass(SECOND);
    let ended = store.finish(claimed.lease(), completed()).await.unwrap();
    assert_eq!(
        (
            ended.status,
            ended.result.as_deref(),
            ended.error.as_deref()
        ),
        (JobStatus::Completed, Some("42"), None)
    );
    assert_eq!(ended.completed_at, Some(START + 2000));
    assert!(ended.revision > seen.revision);
    assert_eq!(get(store, job.id).await, ended);
    assert_eq!(
        store.counts("echo").await.unwrap(),
        JobCounts {
            completed: 1,
            ..JobCounts::default()
        }
    );
}

pub async fn a_failed_attempt_is_followed_by_another_until_none_is_left(
    store: &dyn JobStore,
    time: &Time,
) {
    let id = submit(
        store,
        NewJob {
            attempts_max: 3,
            ..new_job()
        },
    )
    .await;
    for attempt in 1..=3 {
        let claimed = claim_one(store).await;
        assert_eq!(claimed.job.attempt, attempt);
        let ended = store.finish(claimed.lease(), retry(None)).await.unwrap();
        assert_eq!(
            ended.status,
            if attempt < 3 {
                JobStatus::Pending
            } else {
                JobStatus::Failed
            }
        );
        assert_eq!(ended.error.as_deref(), Some("not now"));
        time.pass(10 * SECOND);
    }
    assert!(claim(store, 10).await.is_empty());
    assert_eq!(get(store, id).await.attempt, 3);
}

pub async fn waits_between_attempts_grow_and_a_requested_delay_is_kept(
    store: &dyn JobStore,
    time: &Time,
) {
    // With full jitter one wait says little, so the longest of many is looked at.
    for _ in 0..40 {
        submit(
            store,
            NewJob {
                attempts_max: 100,
                ..new_job()
            },
        )
        .await;
    }
    for full in [1000, 2000, 4000, 8000] {
        let mut longest = 0;
        for claimed in claim(store, 40).await {
            let ended = store.finish(claimed.lease(), retry(None)).await.unwrap();
            let wait = ended.run_at - time.now();
            assert!(wait <= full, "{wait} of {full} ms");
            longest = longest.max(wait);
        }
        assert!(
            longest > full / 2,
            "40 jobs waited at most {longest} of {full} ms"
        );
        time.pass(10 * SECOND);
    }
    for claimed in claim(store, 40).await {
        let ended = store
            .finish(claimed.lease(), retry(Some(77 * SECOND)))
            .await
            .unwrap();
        assert_eq!(ended.run_at, time.now() + 77_000);
    }
    assert!(claim(store, 40).await.is_empty());
    assert_eq!(store.next_due().await.unwrap(), Some(time.now() + 77_000));
    time.pass(77 * SECOND);
    for claimed in claim(store, 40).await {
        store
            .finish(claimed.lease(), retry(Some(Duration::ZERO)))
            .await
            .unwrap();
    }
    assert_eq!(
        store.next_due().await.unwrap(),
        None,
        "who waits for nothing is due at once"
    );
    time.set(START);
    assert_eq!(claim(store, 40).await.len(), 40);
}

pub async fn a_permanent_failure_ends_at_once(store: &dyn JobStore, _time: &Time) {
    submit(store, new_job()).await;
    let ended = store
        .finish(
            claim_one(store).await.lease(),
            AttemptEnd::Failed("never".to_owned()),
        )
        .await
        .unwrap();
    assert_eq!(
        (ended.status, ended.attempt, ended.error.as_deref()),
        (JobStatus::Failed, 1, Some("never"))
    );
    assert!(claim(store, 1).await.is_empty());
}

pub async fn a_stale_attempt_writes_nothing(store: &dyn JobStore, _time: &Time) {
    let id = submit(store, new_job()).await;
    let stale = claim_one(store).await.lease();
    let owner = OwnerId::fresh();
    store.reclaim(owner).await.unwrap();
    for holder in [
        None,
        Some(store.claim(room(owner, 1)).await.unwrap().remove(0)),
    ] {
        let before = get(store, id).await;
        let progress = Progress {
            done: 9,
            ..Progress::default()
        };
        assert!(matches!(
            store.report(stale, progress).await,
            Err(JobError::Lost { .. })
        ));
        assert!(matches!(
            store.checkpoint(stale, "9".to_owned()).await,
            Err(JobError::Lost { .. })
        ));
        for end in [
            completed(),
            retry(None),
            AttemptEnd::Failed(String::new()),
            AttemptEnd::Cancelled,
            AttemptEnd::Released,
        ] {
            assert!(matches!(
                store.finish(stale, end).await,
                Err(JobError::Lost { .. })
            ));
        }
        assert_eq!(
            store.heartbeat(vec![stale]).await.unwrap(),
            [Notice::Lost(stale)]
        );
        assert_eq!(get(store, id).await, before);
        if let Some(holder) = holder {
            assert_eq!(store.heartbeat(vec![holder.lease()]).await.unwrap(), []);
            assert_eq!(
                store
                    .finish(holder.lease(), completed())
                    .await
                    .unwrap()
                    .status,
                JobStatus::Completed
            );
            assert!(
                matches!(
                    store.finish(holder.lease(), completed()).await,
                    Err(JobError::Lost { .. })
                ),
                "an attempt ends once"
            );
        }
    }
}

pub async fn a_job_that_kills_its_host_is_given_up(store: &dyn JobStore, _time: &Time) {
    let id = submit(
        store,
        NewJob {
            attempts_max: 100,
            ..new_job()
        },
    )
    .await;
    for crashes in 1..=3 {
        let claimed = claim_one(store).await;
        assert_eq!(claimed.job.attempt, crashes);
        let reclaimed = store.reclaim(OwnerId::fresh()).await.unwrap();
        assert_eq!(
            reclaimed
                .iter()
                .map(|job| (job.id, job.crashes))
                .collect::<Vec<_>>(),
            [(id, crashes)]
        );
    }
    let job = get(store, id).await;
    assert_eq!(
        (job.status, job.attempt, job.crashes),
        (JobStatus::Failed, 3, 3)
    );
    assert!(job.error.unwrap().starts_with("the host died 3 times"));
}

pub async fn healthy_jobs_outlive_the_crashes_of_another(store: &dyn JobStore, _time: &Time) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let many = NewJob {
            attempts_max: 100,
            ..new_job()
        };
        ids.push(submit(store, many).await);
    }
    for _ in 0..2 {
        assert_eq!(claim(store, 10).await.len(), 3);
        store.reclaim(OwnerId::fresh()).await.unwrap();
    }
    // Each of them may be the cause, so they run one at a time. The first one is, whatever runs
    // beside it that has not seen a crash.
    for _ in 0..3 {
        assert_eq!(claim_one(store).await.job.id, ids[0]);
        let fresh = submit(store, new_job()).await;
        assert_eq!(claim_one(store).await.job.id, fresh);
        store.reclaim(OwnerId::fresh()).await.unwrap();
        store.cancel("echo", fresh).await.unwrap();
    }
    assert_eq!(get(store, ids[0]).await.status, JobStatus::Failed);
    for id in &ids[1..] {
        let alone = claim_one(store).await;
        assert_eq!(alone.job.id, *id);
        store.finish(alone.lease(), completed()).await.unwrap();
        assert_eq!(get(store, *id).await.status, JobStatus::Completed);
    }
}

pub async fn a_crash_in_the_last_attempt_is_the_end(store: &dyn JobStore, _time: &Time) {
    let id = submit(
        store,
        NewJob {
            attempts_max: 1,
            ..new_job()
        },
    )
    .await;
    let owner = OwnerId::fresh();
    let claimed = store.claim(room(owner, 1)).await.unwrap().remove(0);
    assert_eq!(
        store.reclaim(owner).await.unwrap(),
        [],
        "this process lives"
    );
    store
        .report(claimed.lease(), Progress::default())
        .await
        .unwrap();
    store.reclaim(OwnerId::fresh()).await.unwrap();
    let job = get(store, id).await;
    assert_eq!((job.status, job.crashes), (JobStatus::Failed, 1));
    assert!(job.error.unwrap().contains("last of 1 attempts"));
}

pub async fn a_released_attempt_does_not_count(store: &dyn JobStore, time: &Time) {
    submit(
        store,
        NewJob {
            attempts_max: 1,
            ..new_job()
        },
    )
    .await;
    for _ in 0..5 {
        time.pass(SECOND);
        let released = store
            .finish(claim_one(store).await.lease(), AttemptEnd::Released)
            .await
            .unwrap();
        assert_eq!(
            (
                released.status,
                released.attempt,
                released.crashes,
                released.run_at
            ),
            (JobStatus::Pending, 0, 0, START)
        );
    }
}

pub async fn a_checkpoint_reaches_the_next_attempt(store: &dyn JobStore, _time: &Time) {
    let id = submit(store, new_job()).await;
    let first = claim_one(store).await;
    assert_eq!(first.checkpoint, None);
    for document in ["1", "2"] {
        store
            .checkpoint(first.lease(), document.to_owned())
            .await
            .unwrap();
    }
    store
        .report(first.lease(), Progress::default())
        .await
        .unwrap();
    store
        .finish(first.lease(), retry(Some(Duration::ZERO)))
        .await
        .unwrap();
    let second = claim_one(store).await;
    assert_eq!(
        (second.checkpoint.as_deref(), second.job.progress.as_ref()),
        (Some("2"), None)
    );
    store
        .finish(second.lease(), AttemptEnd::Failed("never".to_owned()))
        .await
        .unwrap();
    store.retry("echo", id).await.unwrap();
    assert_eq!(claim_one(store).await.checkpoint.as_deref(), Some("2"));
}
