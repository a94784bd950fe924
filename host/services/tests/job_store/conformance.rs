//! The rules of the state machine, one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::store::{Claim, JobStore, NewJob, Notice};
use hayrick_types::job::{
    AttemptEnd, Claimed, JobCounts, JobFilter, JobId, JobStatus, OwnerId, Progress,
};

use crate::bench::{
    PENDING_MAX, SECOND, START, Time, claim, claim_one, completed, get, new_job, retry, room,
    submit,
};

fn ids(claimed: &[Claimed]) -> Vec<JobId> {
    claimed.iter().map(|claimed| claimed.job.id).collect()
}

fn everything() -> JobFilter {
    JobFilter {
        pipeline: "echo".to_owned(),
        status: None,
        kind: None,
        before: None,
        limit: 10,
    }
}

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

pub async fn waits_between_attempts_grow_and_a_wish_is_kept(store: &dyn JobStore, time: &Time) {
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
            store.heartbeat(owner, vec![stale], SECOND).await.unwrap(),
            [Notice::Lost(stale)]
        );
        assert_eq!(get(store, id).await, before);
        if let Some(holder) = holder {
            assert_eq!(
                store
                    .heartbeat(owner, vec![holder.lease()], SECOND)
                    .await
                    .unwrap(),
                []
            );
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

pub async fn priority_goes_before_time_and_time_before_id(store: &dyn JobStore, time: &Time) {
    let mut jobs = Vec::new();
    for (priority, delay) in [(0, 2), (0, 1), (0, 1), (5, 3), (-5, 0)] {
        jobs.push(
            submit(
                store,
                NewJob {
                    priority,
                    delay: delay * SECOND,
                    ..new_job()
                },
            )
            .await,
        );
    }
    time.pass(3 * SECOND);
    assert_eq!(
        ids(&claim(store, 10).await),
        [3, 1, 2, 0, 4].map(|index: usize| jobs[index])
    );
}

pub async fn a_claim_takes_no_more_than_there_are_places(store: &dyn JobStore, _time: &Time) {
    for pipeline in ["echo", "other", "third"] {
        for _ in 0..5 {
            submit(
                store,
                NewJob {
                    pipeline: pipeline.to_owned(),
                    ..new_job()
                },
            )
            .await;
        }
    }
    let owner = OwnerId::fresh();
    let take = async |wanted: &[(&str, usize)], slots| {
        let wanted = wanted
            .iter()
            .map(|(pipeline, slots)| ((*pipeline).to_owned(), *slots))
            .collect();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for claimed in store
            .claim(Claim {
                owner,
                wanted,
                slots,
                lease: SECOND,
            })
            .await
            .unwrap()
        {
            *taken.entry(claimed.job.pipeline).or_default() += 1;
        }
        taken
    };
    let taken = |counts: &[(&str, usize)]| {
        counts
            .iter()
            .map(|(pipeline, count)| ((*pipeline).to_owned(), *count))
            .collect()
    };
    assert_eq!(
        take(&[("echo", 2), ("other", 1)], 10).await,
        taken(&[("echo", 2), ("other", 1)])
    );
    assert_eq!(take(&[("echo", 2), ("other", 9)], 0).await, taken(&[]));
    assert_eq!(
        take(&[("echo", 2), ("other", 9)], 3).await,
        taken(&[("echo", 2), ("other", 1)]),
        "in all; those of echo are older"
    );
    assert_eq!(
        take(&[("echo", 9), ("nobody", 9)], 99).await,
        taken(&[("echo", 1)])
    );
    assert_eq!(
        store.counts("third").await.unwrap(),
        JobCounts {
            pending: 5,
            ..JobCounts::default()
        }
    );
}

pub async fn a_delayed_job_waits_for_its_time(store: &dyn JobStore, time: &Time) {
    submit(
        store,
        NewJob {
            delay: 5 * SECOND,
            ..new_job()
        },
    )
    .await;
    submit(
        store,
        NewJob {
            delay: 3 * SECOND,
            ..new_job()
        },
    )
    .await;
    assert!(claim(store, 10).await.is_empty());
    assert_eq!(store.next_due().await.unwrap(), Some(START + 3000));
    time.set(START + 2999);
    assert!(claim(store, 10).await.is_empty());
    time.set(START + 3000);
    assert_eq!(claim(store, 0).await.len(), 0);
    assert_eq!(
        store.next_due().await.unwrap(),
        Some(START + 5000),
        "what is due waits for a place, not for a time"
    );
    assert_eq!(claim(store, 10).await.len(), 1);
    time.set(START + 5000);
    assert_eq!(claim(store, 10).await.len(), 1);
    assert_eq!(store.next_due().await.unwrap(), None);
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
    let first = submit(store, keyed()).await;
    store.cancel("echo", first).await.unwrap();
    for _ in 0..PENDING_MAX {
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
            store
                .heartbeat(OwnerId::fresh(), vec![lease], SECOND)
                .await
                .unwrap(),
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

pub async fn a_clock_that_jumps_loses_and_doubles_nothing(store: &dyn JobStore, time: &Time) {
    let owner = OwnerId::fresh();
    let hour = 3600 * SECOND;
    let first = submit(store, new_job()).await;
    let running = store.claim(room(owner, 1)).await.unwrap().remove(0);
    let second = submit(store, new_job()).await;
    time.set(START - hour.as_millis() as u64);
    assert_eq!(
        store.reclaim(owner).await.unwrap(),
        [],
        "no clock ends a lease"
    );
    let claimed = store.claim(room(owner, 10)).await.unwrap();
    assert_eq!(ids(&claimed), [second], "what was due stays due");
    time.set(START + hour.as_millis() as u64);
    assert_eq!(store.reclaim(owner).await.unwrap(), []);
    assert_eq!(
        store
            .heartbeat(owner, vec![running.lease()], SECOND)
            .await
            .unwrap(),
        []
    );
    assert!(store.claim(room(owner, 10)).await.unwrap().is_empty());
    assert_eq!(
        store.finish(running.lease(), completed()).await.unwrap().id,
        first
    );
    time.set(0);
    assert_eq!(
        store
            .finish(claimed[0].lease(), retry(Some(SECOND)))
            .await
            .unwrap()
            .run_at,
        1000
    );
    time.pass(SECOND);
    assert_eq!(ids(&claim(store, 10).await), [second]);
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
