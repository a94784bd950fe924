//! Retention takes what its ages and numbers say, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use hayrick_services::jobs::store::{JobStore, NewJob};
use hayrick_types::job::{AttemptEnd, JobId, JobStatus};
use hayrick_types::settings::jobs::Retention;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::Config;
use proptest::{prop_assert_eq, proptest};

use crate::bench::{Bench, PENDING_MAX, SECOND, Time, claim_one, completed, new_job, submit};
use crate::model::block_on;

/// A job of this status whose last change was so many seconds before the sweep.
#[derive(Debug, Clone, Copy)]
struct Kept {
    status: JobStatus,
    age: u64,
}

fn kept() -> impl Strategy<Value = Kept> {
    (0..JobStatus::ALL.len(), 0..40u64).prop_map(|(status, age)| Kept {
        status: JobStatus::ALL[status],
        age,
    })
}

fn retention() -> impl Strategy<Value = Retention> {
    let age = || (0..40u64).prop_map(Duration::from_secs);
    (age(), age(), age(), 0..8u64).prop_map(
        |(keep_completed, keep_cancelled, keep_failed, kept_max)| Retention {
            keep_completed,
            keep_cancelled,
            keep_failed,
            kept_max,
        },
    )
}

/// Brings a fresh job, the only one that can be claimed, to a status.
async fn bring_to(store: &dyn JobStore, status: JobStatus) -> JobId {
    let id = submit(
        store,
        NewJob {
            priority: 1,
            ..new_job()
        },
    )
    .await;
    if status == JobStatus::Pending {
        // Out of reach of the claims for the others.
        let lease = claim_one(store).await.lease();
        let end = AttemptEnd::Retry {
            error: String::new(),
            delay: Some(3600 * SECOND),
        };
        store.finish(lease, end).await.unwrap();
        return id;
    }
    let lease = claim_one(store).await.lease();
    match status {
        JobStatus::Completed => drop(store.finish(lease, completed()).await.unwrap()),
        JobStatus::Failed => drop(
            store
                .finish(lease, AttemptEnd::Failed(String::new()))
                .await
                .unwrap(),
        ),
        JobStatus::Cancelled => drop(store.finish(lease, AttemptEnd::Cancelled).await.unwrap()),
        JobStatus::Pending | JobStatus::Running => {}
    }
    id
}

/// What has to be left, said anew: young enough, and among the youngest of its status.
fn left(jobs: &[(Kept, JobId)], retention: &Retention) -> BTreeMap<JobId, JobStatus> {
    let mut left = BTreeMap::new();
    let mut youngest: BTreeMap<&str, u64> = BTreeMap::new();
    // They were made in the order of their ends.
    for (kept, id) in jobs.iter().rev() {
        let age_max = match kept.status {
            JobStatus::Pending | JobStatus::Running => {
                left.insert(*id, kept.status);
                continue;
            }
            JobStatus::Completed => retention.keep_completed,
            JobStatus::Cancelled => retention.keep_cancelled,
            JobStatus::Failed => retention.keep_failed,
        };
        let rank = youngest.entry(kept.status.as_str()).or_default();
        if Duration::from_secs(kept.age) <= age_max && *rank < retention.kept_max {
            *rank += 1;
            left.insert(*id, kept.status);
        }
    }
    left
}

async fn there(store: &dyn JobStore, jobs: &[(Kept, JobId)]) -> BTreeMap<JobId, JobStatus> {
    let mut there = BTreeMap::new();
    for (_, id) in jobs {
        if let Ok(job) = store.get("echo", *id).await {
            there.insert(*id, job.status);
        }
    }
    there
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn only_what_was_kept_long_enough_is_forgotten(mut kept in vec(kept(), 0..20), retention in retention()) {
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.age));
        let (jobs, expected, swept, found) = block_on(async {
            let bench = Bench::sqlite();
            let (store, end) = (bench.store(), bench.time.now() + 60_000);
            let mut jobs = Vec::new();
            for kept in kept {
                bench.time.set(end - kept.age * 1000);
                jobs.push((kept, bring_to(store, kept.status).await));
            }
            bench.time.set(end);
            let swept = store.sweep(retention).await.unwrap();
            assert_eq!(store.sweep(retention).await.unwrap(), 0, "a second sweep finds nothing");
            let found = there(store, &jobs).await;
            (jobs.len(), left(&jobs, &retention), swept, found)
        });
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(swept, (jobs - expected.len()) as u64);
    }

    #[test]
    fn an_age_without_end_keeps_all(age in any::<u32>()) {
        let left = block_on(async {
            let bench = Bench::sqlite();
            bring_to(bench.store(), JobStatus::Completed).await;
            bench.time.pass(Duration::from_secs(age.into()));
            let retention = Retention { keep_completed: Duration::MAX, ..Retention::default() };
            bench.store().sweep(retention).await.unwrap();
            bench.store().counts("echo").await.unwrap().completed
        });
        prop_assert_eq!(left, 1);
    }
}

pub async fn a_long_queue_is_swept_in_pieces(store: &dyn JobStore, time: &Time) {
    for _ in 0..PENDING_MAX {
        let id = submit(store, new_job()).await;
        store.cancel("echo", id).await.unwrap();
    }
    let id = submit(
        store,
        NewJob {
            idempotency_key: Some("k".to_owned()),
            ..new_job()
        },
    )
    .await;
    time.pass(24 * 3600 * SECOND);
    assert_eq!(store.sweep(Retention::default()).await.unwrap(), 0);
    time.pass(SECOND);
    assert_eq!(
        store.sweep(Retention::default()).await.unwrap() as u64,
        PENDING_MAX
    );
    let counts = store.counts("echo").await.unwrap();
    assert_eq!((counts.pending, counts.cancelled), (1, 0));
    store.cancel("echo", id).await.unwrap();
    time.pass(25 * 3600 * SECOND);
    assert_eq!(store.sweep(Retention::default()).await.unwrap(), 1);
    submit(
        store,
        NewJob {
            idempotency_key: Some("k".to_owned()),
            ..new_job()
        },
    )
    .await;
}
