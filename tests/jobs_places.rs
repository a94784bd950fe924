//! Which jobs run first, how many run at a time, and how a reload or a shutdown affects them.

use serde_json::{Value, json};

use crate::jobs_worker::{FOR_EVER_MS, WORKER, has_failed, worker};
use crate::support::await_event::{SOON, eventually};
use crate::support::guest::guest_bytes;
use crate::support::jobs::{program, sleep, with};
use crate::support::metrics::reached;
use crate::support::neighbour::beside_a_neighbour;

#[tokio::test]
async fn a_computing_job_does_not_block_others() {
    let host = worker().guest("slow-stream").alone().start().await;
    let spinning = with(
        program(json!({"do": "spin"})),
        json!({"timeout": 1, "max_attempts": 1}),
    );
    let job = beside_a_neighbour(&host, host.client.work(WORKER, spinning)).await;
    has_failed(&job, 1, "the job's timeout");
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
async fn running_jobs_are_limited_per_plugin_and_in_total() {
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
        "the third job of the first plugin has no free slot"
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

#[tokio::test]
async fn long_jobs_of_a_few_plugins_leave_places_to_others() {
    let host = worker()
        .guest_as(WORKER, "greedy")
        .guest_as(WORKER, "other")
        .config("[jobs]\njobs_max = 4\nplugin_jobs_max = 4")
        .start()
        .await;
    let urgent = || with(sleep(FOR_EVER_MS), json!({"priority": 100}));
    for _ in 0..8 {
        host.client.submit("greedy", urgent()).await;
    }
    let running = async |pipeline: &str| host.client.jobs(pipeline, "?status=running").await.len();
    eventually("three quarters of the places are taken", SOON, async || {
        (running("greedy").await == 3).then_some(())
    })
    .await;
    for pipeline in [WORKER, "other"] {
        let job = host.client.submit(pipeline, sleep(1)).await;
        assert_eq!(host.client.ended(&job).await["status"], "completed");
    }
    assert_eq!(running("greedy").await, 3);
}

#[tokio::test]
async fn computing_of_an_attempt_is_limited_by_the_operator() {
    let host = worker()
        .config("[jobs]\ncpu_time_max = '200ms'")
        .start()
        .await;
    let spinning = with(
        program(json!({"do": "spin"})),
        json!({"timeout": 3600, "max_attempts": 1}),
    );
    let job = host.client.work(WORKER, spinning).await;
    has_failed(
        &job,
        1,
        "computed for longer than 200 ms (jobs.cpu_time_max)",
    );
    assert_eq!(reached(&host, "jobs.cpu_time_max", WORKER).await, 1);
}

/// The maximum number of jobs that ran at the same time.
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
async fn jobs_of_a_removed_plugin_wait_until_it_is_back() {
    let host = worker().start().await;
    let job = host
        .client
        .submit(WORKER, with(sleep(1), json!({"delay": 5})))
        .await;
    // A file has to stay away for a while before its pipeline is undeployed.
    std::fs::remove_file(host.plugin_file(WORKER)).unwrap();
    eventually("it is undeployed", SOON, async || {
        host.client.status(WORKER).await.is_none().then_some(())
    })
    .await;
    let waiting = host.client.of_job(&job, "GET", "?wait=6").await.json();
    assert_eq!(
        (&waiting["status"], &waiting["attempt"]),
        (&json!("pending"), &json!(0)),
        "{waiting}"
    );
    let reason = waiting["waiting_for"].as_str().unwrap_or_default();
    assert!(reason.contains("there is no pipeline"), "{waiting}");
    let status = host.client.get("/status").await.json();
    let expected = json!([{"pipeline": WORKER, "jobs": 1, "reason": reason}]);
    assert_eq!(status["waiting_jobs"], expected, "{status}");
    host.logs.line(&["jobs wait", "there is no pipeline"]).await;
    assert_eq!(
        host.client.jobs(WORKER, "").await[0]["waiting_for"],
        reason,
        "its jobs are still visible"
    );
    host.rename_in(WORKER, &guest_bytes(WORKER));
    let ended = host.client.ended(&job).await;
    assert_eq!(
        (&ended["status"], &ended["waiting_for"]),
        (&json!("completed"), &Value::Null),
        "{ended}"
    );
}

#[tokio::test]
async fn a_job_finishes_on_the_version_it_started_with() {
    let host = worker().start().await;
    let running = host.client.submit(WORKER, sleep(1500)).await;
    host.client.job_is(&running, "running").await;
    // The new version does not run jobs.
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
async fn a_shutdown_lets_running_attempts_finish() {
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
async fn attempts_interrupted_by_a_shutdown_do_not_count_and_rerun_after_the_restart() {
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
