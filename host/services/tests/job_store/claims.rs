//! The rules of claims: which job is next, how many, and when.

use std::collections::BTreeMap;

use hayrick_services::jobs::store::{Claim, JobStore, NewJob};
use hayrick_types::job::{JobCounts, OwnerId};

use crate::bench::{SECOND, START, Time, claim, completed, ids, new_job, retry, room, submit};

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
    assert_eq!(store.heartbeat(vec![running.lease()]).await.unwrap(), []);
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
