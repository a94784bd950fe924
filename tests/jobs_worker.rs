//! What becomes of a job: attempts, back-off, cancel, places, versions, restarts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually, within};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::guest::guest_bytes;
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::jobs::{program, sleep, with};
use crate::support::metrics::reached;
use crate::support::neighbour::beside_a_neighbour;

const WORKER: &str = "job-worker";
/// Only a cancel, a timeout or the end of the host ends such a job within a test.
const FOR_EVER_MS: u64 = 1_000_000;
/// From the client's cancel to the end of the guest.
const CANCEL_MAX: Duration = Duration::from_secs(1);
/// Attempts follow on each other without a pause that a test would notice.
const QUICK: &str = "[jobs]\nbackoff_base = '1ms'\nbackoff_cap = '10ms'";

fn worker() -> TestHostBuilder {
    TestHost::builder().guest(WORKER)
}

/// A host whose clients wait for the outcome of one job.
async fn outcome(body: Value) -> Value {
    let host = worker().config(QUICK).start().await;
    host.client.work(WORKER, body).await
}

#[track_caller]
fn has_failed(job: &Value, attempts: u64, word: &str) {
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("failed"), &json!(attempts)),
        "{job}"
    );
    assert!(
        job["error"].as_str().unwrap().contains(word),
        "{word:?} is not in {job}"
    );
}

#[tokio::test]
async fn a_job_that_fails_is_tried_three_times_more() {
    let job = outcome(program(json!({"do": "fail", "error": "out of luck"}))).await;
    has_failed(&job, 4, "out of luck");
    assert_eq!(
        (&job["max_attempts"], &job["crashes"]),
        (&json!(4), &json!(0))
    );
}

#[tokio::test]
async fn an_attempt_that_succeeds_ends_the_retries_and_clears_the_error() {
    let job = outcome(program(json!({"do": "count-attempts", "until": 3}))).await;
    assert_eq!(
        (&job["status"], &job["result"], &job["attempt"]),
        (&json!("completed"), &json!(3), &json!(3)),
        "{job}"
    );
    assert_eq!(job["error"], Value::Null);
}

#[tokio::test]
async fn a_job_may_ask_for_fewer_attempts() {
    let job = outcome(with(
        program(json!({"do": "fail", "error": "no"})),
        json!({"max_attempts": 2}),
    ))
    .await;
    has_failed(&job, 2, "no");
}

#[tokio::test]
async fn a_permanent_failure_is_not_tried_again() {
    has_failed(
        &outcome(program(json!({"do": "permanent", "error": "never"}))).await,
        1,
        "never",
    );
    // Data that no attempt can read.
    has_failed(
        &outcome(json!({"type": "program", "data": {"do": "dance"}})).await,
        1,
        "not a program",
    );
}

#[tokio::test]
async fn an_unknown_type_fails_at_once() {
    let host = TestHost::builder()
        .plugin("job-queue-pipeline")
        .start()
        .await;
    let job = host
        .client
        .work("job-queue-pipeline", json!({"type": "dance", "data": {}}))
        .await;
    has_failed(&job, 1, "Unknown job type: dance");
}

#[tokio::test]
async fn a_panic_is_tried_again_and_then_told() {
    let job = outcome(with(
        program(json!({"do": "panic"})),
        json!({"max_attempts": 3}),
    ))
    .await;
    has_failed(&job, 3, "panicked");
    assert_eq!(job["crashes"], 0, "the host did not die: {job}");
}

#[tokio::test]
async fn a_checkpoint_reaches_the_next_attempt() {
    let job = outcome(program(json!({"do": "checkpoint", "state": {"page": 7}}))).await;
    assert_eq!(
        (&job["result"], &job["attempt"]),
        (&json!({"page": 7}), &json!(2)),
        "{job}"
    );
}

#[tokio::test]
async fn the_last_report_of_progress_is_kept() {
    let host = worker().start().await;
    // The pauses end before the next write of progress is due, and with the last one the attempt.
    for ms in [0, 1, 30].repeat(5) {
        let job = host
            .client
            .work(
                WORKER,
                program(json!({"do": "progress", "steps": 3, "ms": ms})),
            )
            .await;
        assert_eq!(
            job["progress"],
            json!({"done": 3, "total": 3, "message": "step 3"}),
            "{job}"
        );
    }
}

#[tokio::test]
async fn progress_is_seen_while_the_job_runs() {
    let host = worker().start().await;
    let job = host
        .client
        .submit(
            WORKER,
            program(json!({"do": "progress", "steps": 2, "ms": FOR_EVER_MS})),
        )
        .await;
    let seen = eventually("the first step", SOON, async || {
        let job = host.client.job(&job).await;
        job["progress"].is_object().then_some(job)
    })
    .await;
    assert_eq!(
        (&seen["status"], &seen["progress"]["done"]),
        (&json!("running"), &json!(1)),
        "{seen}"
    );
}

#[tokio::test]
async fn a_retry_waits_in_the_store_and_holds_no_place() {
    let host = worker().config("[jobs]\njobs_max = 1").start().await;
    let failing = program(json!({"do": "fail", "error": "later", "after_ms": 600_000}));
    let job = host.client.submit(WORKER, failing).await;
    let waiting = eventually("the first attempt has failed", SOON, async || {
        let job = host.client.job(&job).await;
        (job["error"] == "later").then_some(job)
    })
    .await;
    assert_eq!(
        (&waiting["status"], &waiting["attempt"]),
        (&json!("pending"), &json!(1)),
        "{waiting}"
    );
    let wait = waiting["run_at"].as_f64().unwrap() - waiting["started_at"].as_f64().unwrap();
    assert!((600.0..620.0).contains(&wait), "{wait} s");
    assert_eq!(
        host.client.work(WORKER, sleep(1)).await["status"],
        "completed"
    );
    let host = host.restart().await;
    assert_eq!(
        host.client.job(&job).await,
        waiting,
        "the wait outlives the process"
    );
}

#[tokio::test]
async fn a_delayed_job_does_not_run_before_its_time() {
    let job = outcome(with(sleep(1), json!({"delay": 0.7}))).await;
    let waited = job["started_at"].as_f64().unwrap() - job["created_at"].as_f64().unwrap();
    assert!((0.7..5.0).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn an_attempt_has_a_timeout_whether_it_waits_or_computes() {
    for data in [
        json!({"do": "sleep", "ms": FOR_EVER_MS}),
        json!({"do": "spin"}),
    ] {
        let job = outcome(with(
            program(data.clone()),
            json!({"timeout": 0.3, "max_attempts": 2}),
        ))
        .await;
        has_failed(&job, 2, "the job's timeout");
        let took = job["completed_at"].as_f64().unwrap() - job["created_at"].as_f64().unwrap();
        assert!(took >= 0.6, "{data}: two attempts of 300 ms took {took} s");
    }
}

#[tokio::test]
async fn results_checkpoints_and_time_of_a_job_are_bounded_and_counted() {
    let config = format!(
        "{QUICK}\nattempts = 1\nresult_bytes_max = 10\ncheckpoint_bytes_max = 10\ntimeout = '300ms'"
    );
    let host = worker().config(&config).start().await;
    let long = "x".repeat(20);
    for (steps, error, limit) in [
        (
            json!({"do": "return", "value": long}),
            "the job's result",
            "jobs.result_bytes_max",
        ),
        (
            json!({"do": "checkpoint", "state": long}),
            "the checkpoint",
            "jobs.checkpoint_bytes_max",
        ),
        (json!({"do": "spin"}), "the job's timeout", "jobs.timeout"),
    ] {
        let job = host.client.work(WORKER, program(steps)).await;
        has_failed(&job, 1, error);
        assert_eq!(reached(&host, limit, WORKER).await, 1, "{limit}");
    }
}

#[tokio::test]
async fn a_job_may_compute_for_longer_than_a_chat() {
    let host = worker()
        .limits("cpu_time_max = '50ms'\nwall_time_max = '50ms'")
        .start()
        .await;
    let job = host.client.work(WORKER, sleep(300)).await;
    assert_eq!(job["status"], "completed", "{job}");
}

#[tokio::test]
async fn a_job_that_computes_does_not_hold_up_others() {
    let host = worker().guest("slow-stream").alone().start().await;
    let spinning = with(
        program(json!({"do": "spin"})),
        json!({"timeout": 1, "max_attempts": 1}),
    );
    let job = beside_a_neighbour(&host, host.client.work(WORKER, spinning)).await;
    has_failed(&job, 1, "the job's timeout");
}

#[tokio::test]
async fn a_cancel_ends_a_running_guest_at_once_and_its_call_of_the_model() {
    const QUEUE: &str = "job-queue-pipeline";
    let upstream = FakeUpstream::start(Behaviour::NeverAnswers).await;
    let host = TestHost::builder()
        .plugin(QUEUE)
        .upstream(&upstream.base_url())
        .alone()
        .start()
        .await;
    let job = host
        .client
        .submit(
            QUEUE,
            json!({"type": "analysis", "data": {"text": "a text"}}),
        )
        .await;
    within("the model is asked", SOON, upstream.request()).await;
    let (asked, cancelled) = (Instant::now(), host.client.of_job(&job, "POST", "/cancel"));
    let (reply, ()) = tokio::join!(
        cancelled,
        within(
            "the upstream's connection is closed",
            SOON,
            upstream.connection_closed()
        )
    );
    assert!(
        asked.elapsed() <= CANCEL_MAX,
        "the upstream was left after {:?}",
        asked.elapsed()
    );
    assert_eq!(reply.status, 200, "{}", reply.body);
    let ended = host.client.ended(&job).await;
    assert_eq!(
        (&ended["status"], &ended["attempt"]),
        (&json!("cancelled"), &json!(1)),
        "{ended}"
    );
    host.is_idle(QUEUE).await;
}

#[tokio::test]
async fn a_cancel_ends_a_guest_that_computes() {
    let host = worker().config("[jobs]\njobs_max = 1").start().await;
    let job = host
        .client
        .submit(WORKER, program(json!({"do": "spin"})))
        .await;
    host.client.job_is(&job, "running").await;
    host.client.of_job(&job, "POST", "/cancel").await;
    assert_eq!(host.client.ended(&job).await["status"], "cancelled");
    assert_eq!(
        host.client.work(WORKER, sleep(1)).await["status"],
        "completed",
        "its place is free"
    );
}

#[tokio::test]
async fn a_failed_job_is_tried_again_on_demand_with_all_its_attempts() {
    let host = worker().config(QUICK).start().await;
    let job = host
        .client
        .work(
            WORKER,
            with(
                program(json!({"do": "count-attempts", "until": 2})),
                json!({"max_attempts": 1}),
            ),
        )
        .await;
    has_failed(&job, 1, "attempt 1");
    let retried = host.client.of_job(&job, "POST", "/retry").await.json();
    assert_eq!(
        (&retried["error"], &retried["completed_at"]),
        (&Value::Null, &Value::Null),
        "{retried}"
    );
    has_failed(&host.client.ended(&job).await, 1, "attempt 1");
}

#[tokio::test]
async fn jobs_run_by_priority_then_by_age() {
    let host = worker().config("[jobs]\nplugin_jobs_max = 1").start().await;
    let first = host.client.submit(WORKER, sleep(FOR_EVER_MS)).await;
    host.client.job_is(&first, "running").await;
    let mut jobs = Vec::new();
    for priority in [0, 5, -3, 5, 10] {
        jobs.push(
            host.client
                .submit(WORKER, with(sleep(5), json!({"priority": priority})))
                .await,
        );
    }
    host.client.of_job(&first, "POST", "/cancel").await;
    let mut begun = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        begun.push((
            host.client.ended(job).await["started_at"].as_f64().unwrap(),
            index,
        ));
    }
    begun.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert_eq!(
        begun.iter().map(|(_, index)| *index).collect::<Vec<_>>(),
        [4, 1, 3, 0, 2]
    );
}

#[tokio::test]
async fn places_are_bounded_for_each_plugin_and_in_all() {
    let host = worker()
        .guest_as(WORKER, "other")
        .config("[jobs]\njobs_max = 3\nplugin_jobs_max = 2")
        .start()
        .await;
    let mut jobs = Vec::new();
    for pipeline in [WORKER, WORKER, WORKER, "other", "other"] {
        jobs.push(host.client.submit(pipeline, sleep(FOR_EVER_MS)).await);
    }
    let running = async |pipeline: &str| host.client.jobs(pipeline, "?status=running").await.len();
    eventually("three jobs run", SOON, async || {
        (running(WORKER).await + running("other").await == 3).then_some(())
    })
    .await;
    assert_eq!(
        (running(WORKER).await, running("other").await),
        (2, 1),
        "the third of the first plugin has no place"
    );
    for job in &jobs {
        host.client.of_job(job, "POST", "/cancel").await;
    }

    let mut ended = Vec::new();
    let submitting = (0..24).map(|number| {
        host.client
            .submit(if number % 2 == 0 { WORKER } else { "other" }, sleep(30))
    });
    for job in futures_util::future::join_all(submitting).await {
        ended.push(host.client.ended(&job).await);
    }
    assert!(
        ended
            .iter()
            .all(|job| job["status"] == "completed" && job["attempt"] == 1),
        "{ended:?}"
    );
    let of =
        |pipeline: &str| most_at_a_time(ended.iter().filter(|job| job["pipeline"] == pipeline));
    assert!(
        of(WORKER) <= 2 && of("other") <= 2,
        "{} and {}",
        of(WORKER),
        of("other")
    );
    assert!(most_at_a_time(ended.iter()) <= 3, "{ended:?}");
}

/// How many of the jobs ran at the begin of the one that had the most company.
fn most_at_a_time<'a>(jobs: impl Iterator<Item = &'a Value>) -> usize {
    let time = |job: &Value, name: &str| job[name].as_f64().unwrap();
    let spans: Vec<(f64, f64)> = jobs
        .map(|job| (time(job, "started_at"), time(job, "completed_at")))
        .collect();
    let at = |begin: f64| {
        spans
            .iter()
            .filter(|(start, end)| *start <= begin && begin < *end)
            .count()
    };
    spans
        .iter()
        .map(|(start, _)| at(*start))
        .max()
        .unwrap_or_default()
}

#[tokio::test]
async fn jobs_of_a_plugin_that_is_gone_wait_until_it_is_back() {
    let host = worker().start().await;
    let job = host
        .client
        .submit(WORKER, with(sleep(1), json!({"delay": 1})))
        .await;
    std::fs::remove_file(host.plugin_file(WORKER)).unwrap();
    eventually("it is undeployed", SOON, async || {
        host.client.status(WORKER).await.is_none().then_some(())
    })
    .await;
    let waiting = host.client.of_job(&job, "GET", "?wait=2").await.json();
    assert_eq!(
        (&waiting["status"], &waiting["attempt"]),
        (&json!("pending"), &json!(0)),
        "{waiting}"
    );
    assert_eq!(
        host.client.jobs(WORKER, "").await.len(),
        1,
        "its jobs are still to be seen"
    );
    host.rename_in(WORKER, &guest_bytes(WORKER));
    assert_eq!(host.client.ended(&job).await["status"], "completed");
}

#[tokio::test]
async fn a_job_ends_on_the_version_it_began_with() {
    let host = worker().start().await;
    let running = host.client.submit(WORKER, sleep(1500)).await;
    host.client.job_is(&running, "running").await;
    // The new version does no jobs.
    host.rename_in(WORKER, &guest_bytes("echo-relay"));
    host.serves_version(WORKER, 2).await;
    let ended = host.client.ended(&running).await;
    assert_eq!(
        (&ended["status"], &ended["attempt"]),
        (&json!("completed"), &json!(1)),
        "{ended}"
    );
    assert_eq!(host.client.post_job(WORKER, &sleep(1)).await.status, 404);
}

#[tokio::test]
async fn a_stop_lets_attempts_end_in_time() {
    let host = worker()
        .config("[server]\ndrain_deadline = '15s'")
        .start()
        .await;
    let running = host.client.submit(WORKER, sleep(700)).await;
    host.client.job_is(&running, "running").await;
    let waiting = host
        .client
        .submit(WORKER, with(sleep(1), json!({"delay": 3600})))
        .await;
    let host = host.restart().await;
    let ended = host.client.job(&running).await;
    assert_eq!(
        (&ended["status"], &ended["attempt"]),
        (&json!("completed"), &json!(1)),
        "{ended}"
    );
    assert_eq!(host.client.job(&waiting).await["status"], "pending");
}

#[tokio::test]
async fn a_stop_gives_the_rest_back_uncounted_and_it_runs_after_the_start() {
    let host = worker()
        .config("[server]\ndrain_deadline = '100ms'\n[jobs]\nplugin_jobs_max = 1")
        .start()
        .await;
    let job = host
        .client
        .submit(WORKER, with(sleep(FOR_EVER_MS), json!({"max_attempts": 1})))
        .await;
    let behind = host.client.submit(WORKER, sleep(1)).await;
    host.client.job_is(&job, "running").await;
    let host = host.restart().await;
    let again = host.client.job_is(&job, "running").await;
    assert_eq!(
        (&again["attempt"], &again["crashes"]),
        (&json!(1), &json!(0)),
        "{again}"
    );
    host.client.of_job(&job, "POST", "/cancel").await;
    assert_eq!(host.client.ended(&behind).await["status"], "completed");
    assert_eq!(host.client.ended(&job).await["status"], "cancelled");
}
