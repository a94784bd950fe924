//! The rules of what clients ask: submit, list, cancel, retry.

use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::store::{JobStore, NewJob, Notice};
use hayrick_types::job::{AttemptEnd, JobCounts, JobFilter, JobId, JobStatus, OwnerId, Progress};

use crate::bench::{
    PENDING_MAX, SECOND, START, Time, claim, claim_one, completed, everything, get, new_job, retry,
    submit,
};

pub async fn a_key_names_one_job(store: &dyn JobStore, _time: &Time) {
    let keyed = || NewJob {
        idempotency_key: Some("k".to_owned()),
        ..new_job()
    };
    let id = submit(store, keyed()).await;
    let again = store
        .submit(NewJob {
            priority: 9,
            ..keyed()
        })
        .await
        .unwrap();
    assert_eq!((again.job.id, again.created), (id, false));
    for other in [
        NewJob {
            data: "1".to_owned(),
            ..keyed()
        },
        NewJob {
            kind: "sing".to_owned(),
            ..keyed()
        },
    ] {
        assert!(
            matches!(store.submit(other).await, Err(JobError::Conflict { id: there }) if there == id)
        );
    }
    submit(
        store,
        NewJob {
            pipeline: "other".to_owned(),
            ..keyed()
        },
    )
    .await;
    store
        .finish(claim_one(store).await.lease(), completed())
        .await
        .unwrap();
    let result = store.submit(keyed()).await.unwrap().job.result;
    assert_eq!(
        result.as_deref(),
        Some("42"),
        "the key lives as long as its job"
    );
}

pub async fn a_full_queue_takes_no_more(store: &dyn JobStore, _time: &Time) {
    let keyed = || NewJob {
        idempotency_key: Some("k".to_owned()),
        ..new_job()
    };
    let first = submit(store, new_job()).await;
    store.cancel("echo", first).await.unwrap();
    submit(store, keyed()).await;
    for _ in 1..PENDING_MAX {
        submit(store, new_job()).await;
    }
    assert!(matches!(
        store.submit(new_job()).await,
        Err(JobError::Full { .. })
    ));
    assert!(matches!(
        store.retry("echo", first).await,
        Err(JobError::Full { .. })
    ));
    assert_eq!(
        get(store, first).await.status,
        JobStatus::Cancelled,
        "what was refused left nothing"
    );
    assert!(
        !store.submit(keyed()).await.unwrap().created,
        "a job that is there needs no room"
    );
    submit(
        store,
        NewJob {
            pipeline: "other".to_owned(),
            ..new_job()
        },
    )
    .await;
    claim(store, 1).await;
    store.retry("echo", first).await.unwrap();
    assert!(matches!(
        store.submit(new_job()).await,
        Err(JobError::Full { .. })
    ));
}

pub async fn a_cancelled_job_is_never_anything_else(store: &dyn JobStore, time: &Time) {
    let pending = submit(store, new_job()).await;
    let cancelled = store.cancel("echo", pending).await.unwrap();
    assert_eq!(
        (cancelled.status, cancelled.completed_at),
        (JobStatus::Cancelled, Some(START))
    );
    time.pass(SECOND);
    assert_eq!(
        store.cancel("echo", pending).await.unwrap(),
        cancelled,
        "it is cancelled once"
    );
    for end in [
        completed(),
        retry(None),
        AttemptEnd::Failed("never".to_owned()),
        AttemptEnd::Released,
        AttemptEnd::Cancelled,
    ] {
        let id = submit(store, new_job()).await;
        let lease = claim_one(store).await.lease();
        let asked = store.cancel("echo", id).await.unwrap();
        assert_eq!(
            (asked.status, asked.cancel_requested),
            (JobStatus::Running, true)
        );
        assert_eq!(
            store.heartbeat(vec![lease]).await.unwrap(),
            [Notice::CancelRequested(lease)]
        );
        let ended = store.finish(lease, end).await.unwrap();
        assert_eq!(
            (ended.status, ended.result.as_deref()),
            (JobStatus::Cancelled, None)
        );
    }
    let id = submit(store, new_job()).await;
    claim_one(store).await;
    store.cancel("echo", id).await.unwrap();
    store.reclaim(OwnerId::fresh()).await.unwrap();
    assert_eq!(
        get(store, id).await.status,
        JobStatus::Cancelled,
        "its host died before it could end"
    );
    let id = submit(store, new_job()).await;
    let ended = store
        .finish(claim_one(store).await.lease(), completed())
        .await
        .unwrap();
    assert_eq!(
        store.cancel("echo", id).await.unwrap(),
        ended,
        "it came too late"
    );
}

pub async fn a_job_is_tried_again_by_hand(store: &dyn JobStore, time: &Time) {
    let id = submit(
        store,
        NewJob {
            attempts_max: 1,
            ..new_job()
        },
    )
    .await;
    let not_retryable = async || {
        matches!(
            store.retry("echo", id).await,
            Err(JobError::NotRetryable { .. })
        )
    };
    assert!(not_retryable().await, "it is pending");
    let claimed = claim_one(store).await;
    assert!(not_retryable().await, "it is running");
    store
        .report(claimed.lease(), Progress::default())
        .await
        .unwrap();
    let failed = store.finish(claimed.lease(), retry(None)).await.unwrap();
    time.pass(SECOND);
    let again = store.retry("echo", id).await.unwrap();
    assert_eq!(
        (again.status, again.attempt, again.run_at),
        (JobStatus::Pending, 0, START + 1000)
    );
    assert_eq!(
        (
            &again.error,
            &again.progress,
            again.completed_at,
            again.started_at
        ),
        (&None, &None, None, None)
    );
    assert!(again.revision > failed.revision);
    store.cancel("echo", id).await.unwrap();
    assert!(!store.retry("echo", id).await.unwrap().cancel_requested);
    assert_eq!(
        store
            .finish(claim_one(store).await.lease(), completed())
            .await
            .unwrap()
            .status,
        JobStatus::Completed
    );
    assert!(not_retryable().await, "it completed");
}

pub async fn jobs_are_listed_in_pages(store: &dyn JobStore, _time: &Time) {
    let mut jobs = Vec::new();
    for index in 0..25 {
        let kind = if index % 2 == 0 { "even" } else { "odd" };
        jobs.push(
            submit(
                store,
                NewJob {
                    kind: kind.to_owned(),
                    ..new_job()
                },
            )
            .await,
        );
    }
    submit(
        store,
        NewJob {
            pipeline: "other".to_owned(),
            ..new_job()
        },
    )
    .await;
    for job in &jobs[..5] {
        store.cancel("echo", *job).await.unwrap();
    }
    let read = async |mut filter: JobFilter| {
        let (mut read, mut pages) = (Vec::new(), 0);
        loop {
            let page = store.list(filter.clone()).await.unwrap();
            read.extend(page.jobs.iter().map(|job| job.id));
            pages += 1;
            if page.next.is_none() {
                return (read, pages);
            }
            filter.before = page.next;
        }
    };
    jobs.reverse();
    assert_eq!(read(everything()).await, (jobs.clone(), 3));
    assert_eq!(
        read(JobFilter {
            status: Some(JobStatus::Cancelled),
            limit: 5,
            ..everything()
        })
        .await,
        (jobs[20..].to_vec(), 1)
    );
    let odd: Vec<JobId> = jobs.iter().skip(1).step_by(2).copied().collect();
    assert_eq!(
        read(JobFilter {
            kind: Some("odd".to_owned()),
            ..everything()
        })
        .await,
        (odd, 2)
    );
    let big = NewJob {
        data: format!("\"{}\"", "x".repeat(20_000)),
        pipeline: "big".to_owned(),
        ..new_job()
    };
    for _ in 0..3 {
        submit(
            store,
            NewJob {
                id: JobId::fresh(),
                ..big.clone()
            },
        )
        .await;
    }
    assert_eq!(
        read(JobFilter {
            pipeline: "big".to_owned(),
            ..everything()
        })
        .await
        .1,
        3,
        "a page of large jobs is short"
    );
}

pub async fn jobs_of_other_pipelines_are_not_there(store: &dyn JobStore, _time: &Time) {
    let id = submit(store, new_job()).await;
    for (pipeline, id) in [("other", id), ("echo", JobId::fresh())] {
        assert!(matches!(
            store.get(pipeline, id).await,
            Err(JobError::NotFound { .. })
        ));
        assert!(matches!(
            store.cancel(pipeline, id).await,
            Err(JobError::NotFound { .. })
        ));
        assert!(matches!(
            store.retry(pipeline, id).await,
            Err(JobError::NotFound { .. })
        ));
    }
    assert_eq!(get(store, id).await.status, JobStatus::Pending);
    assert_eq!(store.counts("other").await.unwrap(), JobCounts::default());
}
