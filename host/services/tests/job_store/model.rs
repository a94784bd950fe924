//! Random operations on a store and on a simple model of it, compared after each.

use std::collections::BTreeMap;

use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::store::{Claim, JobStore, NewJob};
use hayrick_types::job::{AttemptEnd, Job, JobCounts, JobId, JobStatus, Lease, OwnerId, Progress};
use hayrick_types::settings::jobs::Retention;
use proptest::collection::vec;
use proptest::proptest;
use proptest::test_runner::Config;

use crate::bench::{Bench, SECOND, Time, new_job};
use crate::steps::{PIPELINES, Step, step};

const RETENTION: Retention = Retention {
    keep_completed: SECOND,
    keep_cancelled: SECOND,
    keep_failed: SECOND,
    kept_max: u64::MAX,
};

/// A job as it has to be.
struct Twin {
    job: Job,
    key: Option<u8>,
    is_due: bool,
    held: Option<Lease>,
    crashes_alone: u32,
}

/// All jobs as they have to be, in the order of their submission.
#[derive(Default)]
struct Model {
    twins: Vec<Twin>,
    attempts: Vec<Lease>,
}

impl Model {
    fn by_id(&mut self, id: JobId) -> Option<&mut Twin> {
        self.twins.iter_mut().find(|twin| twin.job.id == id)
    }

    fn holder(&mut self, lease: Lease) -> Option<&mut Twin> {
        self.twins.iter_mut().find(|twin| twin.held == Some(lease))
    }

    /// Whom a claim takes, in order.
    fn turns(&mut self, wanted: &BTreeMap<String, usize>, all: usize, now: u64) -> Vec<JobId> {
        for twin in self
            .twins
            .iter_mut()
            .filter(|twin| twin.job.status == JobStatus::Pending)
        {
            twin.is_due |= twin.job.run_at <= now;
        }
        let mut due: Vec<&Job> = self
            .twins
            .iter()
            .filter(|twin| twin.job.status == JobStatus::Pending && twin.is_due)
            .map(|twin| &twin.job)
            .collect();
        due.sort_by_key(|job| (-job.priority, job.run_at, job.id));
        let mut left = wanted.clone();
        let mut fits = |job: &&&Job| {
            left.get_mut(&job.pipeline)
                .filter(|left| **left > 0)
                .map(|left| *left -= 1)
                .is_some()
        };
        let places = |job: &Job| wanted.get(&job.pipeline).is_some_and(|places| *places > 0);
        let runs_suspect = self.running().any(|twin| is_suspect(&twin.job));
        let suspect = due.iter().find(|job| is_suspect(job) && places(job));
        let suspect = suspect.filter(|_| !runs_suspect).map(|job| job.id);
        due.iter()
            .filter(|job| !is_suspect(job) || Some(job.id) == suspect)
            .filter(|job| fits(job))
            .take(all)
            .map(|job| job.id)
            .collect()
    }

    fn running(&self) -> impl Iterator<Item = &Twin> {
        self.twins.iter().filter(|twin| twin.held.is_some())
    }
}

/// Whether the job may have made the host die.
fn is_suspect(job: &Job) -> bool {
    job.crashes >= 2
}

impl Twin {
    fn new(job: Job, key: Option<u8>, is_due: bool) -> Twin {
        Twin {
            job,
            key,
            is_due,
            held: None,
            crashes_alone: 0,
        }
    }

    fn settle(&mut self, status: JobStatus, now: u64) {
        self.held = None;
        self.job.status = status;
        self.job.completed_at = status.is_final().then_some(now);
        self.is_due = true;
        self.job.revision += 1;
    }

    fn end(&mut self, end: &AttemptEnd, seen: &Job, now: u64) {
        match end {
            _ if self.job.cancel_requested => self.settle(JobStatus::Cancelled, now),
            AttemptEnd::Completed(result) => {
                self.job.result = Some(result.clone());
                self.job.error = None;
                self.settle(JobStatus::Completed, now);
            }
            AttemptEnd::Retry { error, delay } if self.job.attempt < self.job.attempts_max => {
                self.job.error = Some(error.clone());
                self.settle(JobStatus::Pending, now);
                // The wait is drawn by lot, so it is taken over if it may be.
                let longest = delay.map_or(1000 << (self.job.attempt - 1), |delay| {
                    delay.as_millis() as u64
                });
                let shortest = delay.map_or(0, |delay| delay.as_millis() as u64);
                assert!((now + shortest..=now + longest).contains(&seen.run_at));
                self.job.run_at = seen.run_at;
                self.is_due = seen.run_at == now;
            }
            AttemptEnd::Retry { error, .. } | AttemptEnd::Failed(error) => {
                self.job.error = Some(error.clone());
                self.settle(JobStatus::Failed, now);
            }
            AttemptEnd::Cancelled => self.settle(JobStatus::Cancelled, now),
            AttemptEnd::Released => {
                self.job.attempt -= 1;
                self.settle(JobStatus::Pending, now);
            }
        }
    }

    fn crash(&mut self, seen: &Job, alone: bool, now: u64) {
        self.job.crashes += 1;
        self.crashes_alone += u32::from(alone);
        let is_over = self.crashes_alone == 3 || self.job.attempt == self.job.attempts_max;
        match is_over {
            _ if self.job.cancel_requested => self.settle(JobStatus::Cancelled, now),
            true => {
                assert!(
                    seen.error
                        .as_ref()
                        .is_some_and(|error| error.starts_with("the host died"))
                );
                self.job.error = seen.error.clone();
                self.settle(JobStatus::Failed, now);
            }
            false => self.settle(JobStatus::Pending, now),
        }
    }

    fn retry(&mut self, now: u64) {
        self.settle(JobStatus::Pending, now);
        self.crashes_alone = 0;
        let Job {
            attempt,
            crashes,
            cancel_requested,
            run_at,
            started_at,
            progress,
            error,
            ..
        } = &mut self.job;
        (*attempt, *crashes, *cancel_requested, *run_at) = (0, 0, false, now);
        (*started_at, *progress, *error) = (None, None, None);
    }
}

/// The store and its model side by side.
struct Pair<'a> {
    store: &'a dyn JobStore,
    time: &'a Time,
    model: Model,
    owner: OwnerId,
}

impl Pair<'_> {
    async fn take(&mut self, step: Step) {
        let now = self.time.now();
        match step {
            Step::Submit {
                pipeline,
                key,
                data,
                delay,
                priority,
                attempts_max,
            } => {
                let new = NewJob {
                    pipeline: PIPELINES[pipeline].to_owned(),
                    data: data.to_string(),
                    idempotency_key: key.map(|key| key.to_string()),
                    delay: delay * SECOND,
                    priority,
                    attempts_max,
                    ..new_job()
                };
                self.submit(new, key).await;
            }
            Step::Claim { slots, all } => self.claim(slots, all).await,
            Step::Finish { attempt, end } => self.finish(attempt, end).await,
            Step::Report { attempt, done } => self.report(attempt, done).await,
            Step::Cancel { job } => self.cancel(job).await,
            Step::Retry { job } => self.retry(job).await,
            Step::Crash => self.crash().await,
            Step::Clock { seconds } => self.time.set(now.saturating_add_signed(seconds * 1000)),
            Step::Sweep => {
                let is_kept = |twin: &Twin| twin.job.completed_at.is_none_or(|at| at >= now - 1000);
                let before = self.model.twins.len();
                self.model.twins.retain(is_kept);
                assert_eq!(
                    self.store.sweep(RETENTION).await.unwrap(),
                    (before - self.model.twins.len()) as u64
                );
            }
        }
    }

    async fn submit(&mut self, new: NewJob, key: Option<u8>) {
        let mut twins = self.model.twins.iter_mut();
        let there = twins
            .find(|twin| key.is_some() && twin.key == key && twin.job.pipeline == new.pipeline);
        let there = there.and_then(|twin| {
            let is_cancelled = twin.job.status == JobStatus::Cancelled;
            // A cancelled job gives its key away.
            twin.key = twin.key.filter(|_| !is_cancelled);
            (!is_cancelled).then(|| twin.job.clone())
        });
        let is_due = new.delay.is_zero();
        match (self.store.submit(new.clone()).await, there) {
            (Ok(submitted), None) => {
                let run_at = self.time.now() + new.delay.as_millis() as u64;
                assert_eq!((submitted.created, submitted.job.run_at), (true, run_at));
                self.model.twins.push(Twin::new(submitted.job, key, is_due));
            }
            (Ok(submitted), Some(there)) => {
                assert_eq!((submitted.created, &submitted.job), (false, &there));
                assert_eq!(new.data, there.data);
            }
            (Err(JobError::Conflict { id }), Some(there)) => {
                assert!(id == there.id && new.data != there.data)
            }
            (outcome, there) => panic!("{outcome:?} where there was {there:?}"),
        }
    }

    async fn claim(&mut self, slots: BTreeMap<usize, usize>, all: usize) {
        let wanted: BTreeMap<String, usize> = slots
            .into_iter()
            .map(|(pipeline, slots)| (PIPELINES[pipeline].to_owned(), slots))
            .collect();
        let now = self.time.now();
        let expected = self.model.turns(&wanted, all, now);
        let claimed = self
            .store
            .claim(Claim {
                owner: self.owner,
                wanted,
                slots: all,
            })
            .await
            .unwrap();
        assert_eq!(
            claimed
                .iter()
                .map(|claimed| claimed.job.id)
                .collect::<Vec<_>>(),
            expected
        );
        for claimed in claimed {
            let twin = self.model.by_id(claimed.job.id).unwrap();
            twin.held = Some(claimed.lease());
            let Job {
                status,
                attempt,
                started_at,
                progress,
                revision,
                ..
            } = &mut twin.job;
            (*status, *started_at, *progress) = (JobStatus::Running, Some(now), None);
            (*attempt, *revision) = (*attempt + 1, *revision + 1);
            self.model.attempts.push(claimed.lease());
        }
    }

    fn attempt(&self, number: usize) -> Option<Lease> {
        let attempts = &self.model.attempts;
        // Mostly one of the newest, which are more often held.
        (!attempts.is_empty())
            .then(|| attempts[attempts.len() - 1 - number % attempts.len().min(6)])
    }

    async fn finish(&mut self, attempt: usize, end: AttemptEnd) {
        let Some(lease) = self.attempt(attempt) else {
            return;
        };
        let now = self.time.now();
        match (
            self.store.finish(lease, end.clone()).await,
            self.model.holder(lease),
        ) {
            (Ok(seen), Some(twin)) => twin.end(&end, &seen, now),
            (Err(JobError::Lost { .. }), None) => {}
            (outcome, _) => panic!("{outcome:?}"),
        }
    }

    async fn report(&mut self, attempt: usize, done: u64) {
        let Some(lease) = self.attempt(attempt) else {
            return;
        };
        let progress = Progress {
            done,
            total: None,
            message: None,
        };
        match (
            self.store.report(lease, progress.clone()).await,
            self.model.holder(lease),
        ) {
            (Ok(()), Some(twin)) => {
                twin.job.progress = Some(progress);
                twin.job.revision += 1;
            }
            (Err(JobError::Lost { .. }), None) => {}
            (outcome, _) => panic!("{outcome:?}"),
        }
    }

    /// One of the jobs there are.
    fn pick(&mut self, number: usize) -> Option<&mut Twin> {
        let twins = self.model.twins.len();
        (twins > 0).then(|| &mut self.model.twins[number % twins])
    }

    async fn cancel(&mut self, job: usize) {
        let (store, now) = (self.store, self.time.now());
        let Some(twin) = self.pick(job) else { return };
        match twin.job.status {
            JobStatus::Pending => {
                twin.job.cancel_requested = true;
                twin.settle(JobStatus::Cancelled, now);
            }
            JobStatus::Running if !twin.job.cancel_requested => {
                twin.job.cancel_requested = true;
                twin.job.revision += 1;
            }
            _ => {}
        }
        assert_eq!(
            store.cancel(&twin.job.pipeline, twin.job.id).await.unwrap(),
            twin.job
        );
    }

    async fn retry(&mut self, job: usize) {
        let (store, now) = (self.store, self.time.now());
        let Some(twin) = self.pick(job) else { return };
        let is_retryable = matches!(twin.job.status, JobStatus::Failed | JobStatus::Cancelled);
        match store.retry(&twin.job.pipeline, twin.job.id).await {
            Ok(_) if is_retryable => twin.retry(now),
            Err(JobError::NotRetryable { .. }) if !is_retryable => {}
            outcome => panic!("{outcome:?}"),
        }
    }

    async fn crash(&mut self) {
        self.owner = OwnerId::fresh();
        let (store, now) = (self.store, self.time.now());
        let reclaimed = store.reclaim(self.owner).await.unwrap();
        let of_all = self.model.running().count();
        let suspects = self.model.running().filter(|twin| is_suspect(&twin.job));
        let of_suspects = suspects.count();
        let held = self
            .model
            .twins
            .iter_mut()
            .filter(|twin| twin.held.is_some());
        let mut crashed = 0;
        for twin in held {
            let seen = store.get(&twin.job.pipeline, twin.job.id).await.unwrap();
            let candidates = if is_suspect(&twin.job) {
                of_suspects
            } else {
                of_all
            };
            twin.crash(&seen, candidates == 1, now);
            crashed += 1;
        }
        assert_eq!(reclaimed.len(), crashed);
    }

    /// Whether all is as it has to be.
    async fn compare(&self) {
        for pipeline in PIPELINES {
            let mut counts = JobCounts::default();
            for twin in self
                .model
                .twins
                .iter()
                .filter(|twin| twin.job.pipeline == pipeline)
            {
                *counts.of(twin.job.status) += 1;
                assert_eq!(
                    self.store.get(pipeline, twin.job.id).await.unwrap(),
                    twin.job
                );
            }
            assert_eq!(self.store.counts(pipeline).await.unwrap(), counts);
        }
        let delayed = self
            .model
            .twins
            .iter()
            .filter(|twin| twin.job.status == JobStatus::Pending && !twin.is_due);
        assert_eq!(
            self.store.next_due().await.unwrap(),
            delayed.map(|twin| twin.job.run_at).min()
        );
    }
}

/// Runs a case of a property to its end.
pub fn block_on<T>(case: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(case)
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_store_does_what_its_model_does(steps in vec(step(), 1..80)) {
        block_on(async {
            let bench = Bench::sqlite();
            let mut pair = Pair { store: bench.store(), time: &bench.time, model: Model::default(), owner: OwnerId::fresh() };
            for step in steps {
                pair.take(step).await;
                pair.compare().await;
            }
        });
    }
}
