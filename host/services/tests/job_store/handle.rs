//! What the handle adds to the store: limits, events, and reports that cost little.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hayrick_services::jobs::config::JobsConfig;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::jobs::store::Claim;
use hayrick_services::metrics::Metrics;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::job::{AttemptEnd, Claimed, Job, JobStatus, OwnerId, Progress, Submission};

use crate::bench::{Bench, SECOND, config, room, within};

fn submission() -> Submission {
    Submission {
        pipeline: "echo".to_owned(),
        kind: "say".to_owned(),
        data: "{}".to_owned(),
        idempotency_key: None,
        delay: None,
        priority: 0,
        attempts_max: None,
        timeout: None,
        pending_max: None,
    }
}

fn jobs(change: impl FnOnce(&mut JobsConfig)) -> (Bench, Jobs) {
    let (bench, mut config) = (Bench::sqlite(), config());
    change(&mut config);
    let jobs = Jobs::new(Arc::clone(bench.shared()), config, Metrics::default());
    (bench, jobs)
}

async fn submit(jobs: &Jobs) -> Job {
    jobs.submit(submission()).await.unwrap().job
}

async fn claim_one(jobs: &Jobs, owner: OwnerId) -> Claimed {
    jobs.claim(room(owner, 1)).await.unwrap().remove(0)
}

fn done(done: u64) -> Progress {
    Progress {
        done,
        ..Progress::default()
    }
}

#[tokio::test]
async fn what_is_left_open_takes_the_defaults() {
    let (_bench, jobs) = jobs(|_| ());
    let job = submit(&jobs).await;
    assert_eq!(
        (job.attempts_max, job.timeout, job.priority),
        (4, 300 * SECOND, 0)
    );
}

#[tokio::test]
async fn each_limit_is_kept() {
    let (_bench, jobs) = jobs(|config| {
        config.settings.data_bytes_max = 100;
        config.settings.checkpoint_bytes_max = 100;
    });
    let long = |bytes| "x".repeat(bytes);
    let refused = [
        Submission {
            kind: String::new(),
            ..submission()
        },
        Submission {
            kind: long(129),
            ..submission()
        },
        Submission {
            idempotency_key: Some(String::new()),
            ..submission()
        },
        Submission {
            idempotency_key: Some(long(257)),
            ..submission()
        },
        Submission {
            data: format!("\"{}\"", long(99)),
            ..submission()
        },
        Submission {
            data: "{".to_owned(),
            ..submission()
        },
        Submission {
            data: String::new(),
            ..submission()
        },
        Submission {
            attempts_max: Some(0),
            ..submission()
        },
        Submission {
            attempts_max: Some(101),
            ..submission()
        },
        Submission {
            timeout: Some(Duration::ZERO),
            ..submission()
        },
        Submission {
            timeout: Some(6 * 3600 * SECOND + SECOND),
            ..submission()
        },
        Submission {
            delay: Some(366 * 24 * 3600 * SECOND),
            ..submission()
        },
    ];
    for submission in refused {
        let failure = Failure::from(jobs.submit(submission.clone()).await.unwrap_err());
        assert_eq!(
            failure.kind,
            FailureKind::InvalidInput,
            "{submission:?}: {failure}"
        );
    }
    let most = Submission {
        kind: long(128),
        idempotency_key: Some(long(256)),
        data: format!("\"{}\"", long(98)),
        attempts_max: Some(100),
        timeout: Some(6 * 3600 * SECOND),
        ..submission()
    };
    jobs.submit(most).await.unwrap();
    let lease = claim_one(&jobs, OwnerId::fresh()).await.lease();
    let message = Progress {
        message: Some(long(1025)),
        ..Progress::default()
    };
    jobs.report(lease, message).await.unwrap();
    let shown = jobs.get("echo", lease.id).await.unwrap().progress.unwrap();
    let shown = shown.message.unwrap();
    assert!(shown.len() == 1024, "{}", shown.len());
    assert!(matches!(
        jobs.checkpoint(lease, format!("\"{}\"", long(99))).await,
        Err(JobError::TooLong { .. })
    ));
    assert!(matches!(
        jobs.checkpoint(lease, "}".to_owned()).await,
        Err(JobError::NotJson { .. })
    ));
}

#[tokio::test]
async fn a_result_out_of_limits_is_a_failure_and_a_long_error_is_cut() {
    let (_bench, jobs) = jobs(|config| config.settings.result_bytes_max = 10);
    let ends = [
        (
            AttemptEnd::Completed("\"123456789\"".to_owned()),
            "the job's result has 11 bytes, but at most 10 are allowed",
        ),
        (
            AttemptEnd::Completed("no json".to_owned()),
            "the job's result is not valid JSON",
        ),
        (AttemptEnd::Failed("ü".repeat(40_000)), "üüü"),
    ];
    for (end, message) in ends {
        submit(&jobs).await;
        let ended = jobs
            .finish(claim_one(&jobs, OwnerId::fresh()).await.lease(), end)
            .await
            .unwrap();
        let error = ended.error.unwrap();
        assert_eq!(ended.status, JobStatus::Failed);
        assert!(
            error.starts_with(message) && error.len() <= 64 << 10,
            "{} bytes",
            error.len()
        );
    }
}

#[tokio::test]
async fn waiting_clients_learn_the_end_at_once() {
    let (_bench, jobs) = jobs(|_| ());
    let job = submit(&jobs).await;
    let waited = jobs
        .wait("echo", job.id, Duration::ZERO, None)
        .await
        .unwrap();
    assert_eq!(
        waited.status,
        JobStatus::Pending,
        "it shows what there is when the time is over"
    );
    let work = async {
        let claimed = claim_one(&jobs, OwnerId::fresh()).await;
        jobs.finish(claimed.lease(), AttemptEnd::Completed("1".to_owned()))
            .await
            .unwrap()
    };
    let (waited, ended) = tokio::join!(
        within("its end", jobs.wait("echo", job.id, 3600 * SECOND, None)),
        work
    );
    assert_eq!(waited.unwrap(), ended);
}

#[tokio::test]
async fn a_watch_gives_each_snapshot_that_is_newer() {
    let (_bench, jobs) = jobs(|_| ());
    let job = submit(&jobs).await;
    let mut watch = jobs.watch("echo", job.id, None);
    assert_eq!(watch.changed().await.unwrap(), job);
    assert!(watch.changed().now_or_never().is_none());
    let claimed = claim_one(&jobs, OwnerId::fresh()).await;
    assert_eq!(
        within("the claim", watch.changed()).await.unwrap(),
        claimed.job
    );
    jobs.report(claimed.lease(), done(1)).await.unwrap();
    let seen = within("the report", watch.changed()).await.unwrap();
    assert_eq!(seen.progress, Some(done(1)));
    let mut late = jobs.watch("echo", job.id, Some(claimed.job.revision));
    assert_eq!(
        within("what was missed", late.changed()).await.unwrap(),
        seen
    );
    let ended = jobs
        .finish(claimed.lease(), AttemptEnd::Failed("never".to_owned()))
        .await
        .unwrap();
    assert_eq!(within("the end", watch.changed()).await.unwrap(), ended);
    let again = jobs.retry("echo", job.id).await.unwrap();
    assert_eq!(within("the retry", watch.changed()).await.unwrap(), again);
    assert_eq!(within("the retry", late.changed()).await.unwrap(), again);
}

#[tokio::test]
async fn a_cancel_reaches_the_attempt_at_once() {
    let (_bench, jobs) = jobs(|_| ());
    let owner = OwnerId::fresh();
    let job = submit(&jobs).await;
    let lease = claim_one(&jobs, owner).await.lease();
    let mut cancelled = Box::pin(jobs.cancelled("echo", lease));
    assert!(futures_util::poll!(&mut cancelled).is_pending());
    jobs.report(lease, done(1)).await.unwrap();
    assert!(futures_util::poll!(&mut cancelled).is_pending());
    jobs.cancel("echo", job.id).await.unwrap();
    jobs.report(lease, done(2)).await.unwrap();
    within("the cancel", cancelled).await;
    within(
        "a cancel that was there before",
        jobs.cancelled("echo", lease),
    )
    .await;
    jobs.finish(lease, AttemptEnd::Cancelled).await.unwrap();
    within("an attempt that is over", jobs.cancelled("echo", lease)).await;
    jobs.retry("echo", job.id).await.unwrap();
    let next = claim_one(&jobs, owner).await.lease();
    let mut cancelled = Box::pin(jobs.cancelled("echo", next));
    // Once the store has answered, nothing but the news can end it.
    assert!(
        tokio::time::timeout(Duration::from_millis(50), &mut cancelled)
            .await
            .is_err(),
        "the next attempt was not cancelled"
    );
}

#[tokio::test]
async fn the_worker_is_called_whenever_there_may_be_work() {
    let (_bench, jobs) = jobs(|_| ());
    let owner = OwnerId::fresh();
    let called = async || within("a call", jobs.work_added()).await;
    let quiet = || jobs.work_added().now_or_never().is_none();
    assert!(quiet());
    let job = jobs.submit(submission()).await.unwrap().job;
    called().await;
    jobs.submit(Submission {
        delay: Some(SECOND),
        ..submission()
    })
    .await
    .unwrap();
    called().await;
    let lease = claim_one(&jobs, owner).await.lease();
    jobs.finish(lease, AttemptEnd::Released).await.unwrap();
    called().await;
    let lease = claim_one(&jobs, owner).await.lease();
    jobs.finish(lease, AttemptEnd::Cancelled).await.unwrap();
    assert!(quiet(), "it is over");
    jobs.retry("echo", job.id).await.unwrap();
    called().await;
    claim_one(&jobs, owner).await;
    jobs.reclaim(OwnerId::fresh()).await.unwrap();
    called().await;
    let nothing = Claim {
        wanted: Default::default(),
        ..room(owner, 9)
    };
    assert!(jobs.claim(nothing).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_job_that_nobody_looks_for() {
    let (_bench, jobs) = jobs(|_| ());
    let mut submitting = Box::pin(jobs.submit(submission()));
    assert!(futures_util::poll!(&mut submitting).is_pending());
    drop(submitting);
    within("a call", jobs.work_added()).await;
    claim_one(&jobs, OwnerId::fresh()).await;
}

#[tokio::test]
async fn of_many_reports_the_last_is_written_with_the_end() {
    let (_bench, jobs) = jobs(|config| config.progress_interval = 3600 * SECOND);
    let job = submit(&jobs).await;
    let claimed = claim_one(&jobs, OwnerId::fresh()).await;
    for number in 0..1000 {
        jobs.report(claimed.lease(), done(number)).await.unwrap();
    }
    let seen = jobs.get("echo", job.id).await.unwrap();
    assert_eq!(
        (seen.progress, seen.revision),
        (Some(done(0)), claimed.job.revision + 1)
    );
    let ended = jobs
        .finish(claimed.lease(), AttemptEnd::Completed("1".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        (ended.progress, ended.revision),
        (Some(done(999)), claimed.job.revision + 3)
    );
    assert!(matches!(
        jobs.report(claimed.lease(), done(1)).await,
        Err(JobError::Lost { .. })
    ));
}

#[tokio::test]
async fn a_report_that_came_too_soon_follows_by_itself() {
    let (_bench, jobs) = jobs(|config| config.progress_interval = Duration::from_millis(50));
    let job = submit(&jobs).await;
    let claimed = claim_one(&jobs, OwnerId::fresh()).await;
    let mut watch = jobs.watch("echo", job.id, None);
    for number in 0..10 {
        jobs.report(claimed.lease(), done(number)).await.unwrap();
    }
    let newest = async {
        loop {
            let seen = watch.changed().await.unwrap();
            if seen.progress == Some(done(9)) {
                return seen;
            }
        }
    };
    let seen = within("the last report", newest).await;
    assert!(
        seen.revision <= claimed.job.revision + 3,
        "{} writes",
        seen.revision - claimed.job.revision
    );
}
