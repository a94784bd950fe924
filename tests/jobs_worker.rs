//! The life of a job: attempts, backoff, progress, timeouts, cancel.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually, within};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::jobs::{program, sleep, with};
use crate::support::metrics::reached;

pub const WORKER: &str = "job-worker";

/// Within a test, only a cancel, a timeout or the end of the host ends such a job.
pub const FOR_EVER_MS: u64 = 1_000_000;

/// From the client's cancel to the end of the guest.
const CANCEL_MAX: Duration = Duration::from_secs(1);

/// Attempts follow each other without a noticeable pause.
const QUICK: &str = "[jobs]\nbackoff_base = '1ms'\nbackoff_cap = '10ms'";

pub fn worker() -> TestHostBuilder {
    TestHost::builder().guest(WORKER)
}

/// A host whose clients wait for the outcome of one job.
async fn outcome(body: Value) -> Value {
    let host = worker().config(QUICK).start().await;
    host.client.work(WORKER, body).await
}

#[track_caller]
pub fn has_failed(job: &Value, attempts: u64, fragment: &str) {
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("failed"), &json!(attempts)),
        "{job}"
    );
    assert!(
        job["error"].as_str().unwrap().contains(fragment),
        "{fragment:?} is not in {job}"
    );
}

#[tokio::test]
async fn a_failed_job_is_retried_three_times() {
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
async fn a_permanent_failure_is_not_retried() {
    has_failed(
        &outcome(program(json!({"do": "permanent", "error": "never"}))).await,
        1,
        "never",
    );
    // Data that no attempt can parse.
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
async fn a_panic_is_retried_and_then_reported() {
    let job = outcome(with(
        program(json!({"do": "panic"})),
        json!({"max_attempts": 3}),
    ))
    .await;
    has_failed(&job, 3, "panicked");
    assert_eq!(job["crashes"], 0, "the host did not die: {job}");
}

#[tokio::test]
async fn a_checkpoint_is_passed_to_the_next_attempt() {
    let job = outcome(program(json!({"do": "checkpoint", "state": {"page": 7}}))).await;
    assert_eq!(
        (&job["result"], &job["attempt"]),
        (&json!({"page": 7}), &json!(2)),
        "{job}"
    );
}

#[tokio::test]
async fn the_last_progress_report_is_stored() {
    let host = worker().start().await;
    // The pauses end before the next progress write is due, and the attempt ends with the last
    // pause.
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
async fn progress_is_visible_while_the_job_runs() {
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
async fn a_job_waiting_for_a_retry_does_not_occupy_a_slot() {
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
        "the wait survives a restart"
    );
}

#[tokio::test]
async fn a_delayed_job_does_not_run_early() {
    let job = outcome(with(sleep(1), json!({"delay": 0.7}))).await;
    let waited = job["started_at"].as_f64().unwrap() - job["created_at"].as_f64().unwrap();
    assert!((0.7..5.0).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn waiting_and_computing_attempts_time_out() {
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
async fn result_checkpoint_and_timeout_limits_of_a_job_are_enforced_and_counted() {
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
async fn a_job_may_compute_longer_than_a_chat() {
    let host = worker()
        .limits("cpu_time_max = '50ms'\nwall_time_max = '50ms'")
        .start()
        .await;
    let job = host.client.work(WORKER, sleep(300)).await;
    assert_eq!(job["status"], "completed", "{job}");
}

#[tokio::test]
async fn a_cancel_ends_a_running_guest_and_its_model_call_at_once() {
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
    let (asked, cancelled) = (
        host.stopwatch(),
        host.client.of_job(&job, "POST", "/cancel"),
    );
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
        "the upstream connection ended after {:?}",
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
async fn a_cancel_ends_a_computing_guest() {
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
        "its slot is free"
    );
}

#[tokio::test]
async fn a_manual_retry_gives_a_failed_job_all_its_attempts() {
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
