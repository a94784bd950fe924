//! Many at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::store::{JobStore, NewJob};
use hayrick_types::job::{Claimed, Job, JobId, JobStatus, Lease, OwnerId, Progress};
use tokio::task::JoinSet;

use crate::bench::{Time, claim, completed, get, new_job, room, submit};

const ROUNDS: usize = 20;
const JOBS_A_ROUND: usize = 100;

pub async fn callers_with_one_key_get_one_job(store: &Arc<dyn JobStore>, _time: &Time) {
    let keyed = || NewJob {
        idempotency_key: Some("k".to_owned()),
        ..new_job()
    };
    let submitted = join_all((0..64).map(|_| store.submit(keyed()))).await;
    let submitted: Vec<_> = submitted.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        submitted
            .iter()
            .filter(|submitted| submitted.created)
            .count(),
        1
    );
    assert_eq!(
        submitted
            .iter()
            .map(|submitted| submitted.job.id)
            .collect::<BTreeSet<_>>()
            .len(),
        1
    );
    assert_eq!(claim(store.as_ref(), 64).await.len(), 1);
}

pub async fn cancel_and_completion_race_and_one_of_them_stands(
    store: &Arc<dyn JobStore>,
    _time: &Time,
) {
    let mut completions = 0;
    for _ in 0..ROUNDS {
        join_all((0..JOBS_A_ROUND).map(|_| submit(store.as_ref(), new_job()))).await;
        let claimed = claim(store.as_ref(), JOBS_A_ROUND).await;
        let leases: Vec<Lease> = claimed.iter().map(Claimed::lease).collect();
        let ended = race(store, leases.clone()).await;
        assert_eq!(ended.len(), JOBS_A_ROUND);
        completions += ended
            .values()
            .filter(|job| job.status == JobStatus::Completed)
            .count();
        join_all(
            leases
                .iter()
                .map(|lease| is_over(store.as_ref(), *lease, &ended[&lease.id])),
        )
        .await;
    }
    let races = ROUNDS * JOBS_A_ROUND;
    assert!(
        completions > 0 && completions < races,
        "{completions} of {races} completed: that was no race"
    );
}

/// Two threads that start from different ends; the jobs as the attempts left them.
async fn race(store: &Arc<dyn JobStore>, leases: Vec<Lease>) -> BTreeMap<JobId, Job> {
    let (canceller, reversed) = (
        Arc::clone(store),
        leases.iter().rev().copied().collect::<Vec<Lease>>(),
    );
    let mut cancels = JoinSet::new();
    cancels.spawn(async move {
        join_all(
            reversed
                .iter()
                .map(|lease| canceller.cancel("echo", lease.id)),
        )
        .await
    });
    let ended = join_all(
        leases
            .into_iter()
            .map(|lease| store.finish(lease, completed())),
    )
    .await;
    let ended: BTreeMap<JobId, Job> = ended
        .into_iter()
        .map(Result::unwrap)
        .map(|job| (job.id, job))
        .collect();
    for seen in cancels
        .join_all()
        .await
        .into_iter()
        .flatten()
        .map(Result::unwrap)
    {
        let completed_first = ended[&seen.id].status == JobStatus::Completed;
        let expected = if completed_first {
            JobStatus::Completed
        } else {
            JobStatus::Running
        };
        assert_eq!(
            (seen.status, seen.cancel_requested),
            (expected, !completed_first),
            "the answer to the cancel"
        );
    }
    ended
}

/// Whatever comes later changes nothing.
async fn is_over(store: &dyn JobStore, lease: Lease, ended: &Job) {
    assert!(matches!(
        ended.status,
        JobStatus::Completed | JobStatus::Cancelled
    ));
    assert!(matches!(
        store.finish(lease, completed()).await,
        Err(JobError::Lost { .. })
    ));
    assert!(matches!(
        store.report(lease, Progress::default()).await,
        Err(JobError::Lost { .. })
    ));
    store.cancel("echo", lease.id).await.unwrap();
    assert_eq!(&get(store, lease.id).await, ended);
}

pub async fn claims_at_the_same_time_never_share_a_job(store: &Arc<dyn JobStore>, _time: &Time) {
    join_all((0..JOBS_A_ROUND).map(|_| submit(store.as_ref(), new_job()))).await;
    let claims = join_all((0..50).map(|_| store.claim(room(OwnerId::fresh(), 3)))).await;
    let claimed: Vec<Claimed> = claims.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(claimed.len(), JOBS_A_ROUND);
    assert_eq!(
        claimed
            .iter()
            .map(|claimed| claimed.job.id)
            .collect::<BTreeSet<_>>()
            .len(),
        JOBS_A_ROUND
    );
    assert_eq!(
        claimed
            .iter()
            .map(|claimed| claimed.token.to_string())
            .collect::<BTreeSet<_>>()
            .len(),
        JOBS_A_ROUND
    );
}
