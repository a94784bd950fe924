//! Clients that follow a job over HTTP: wait, events, cancel, retry.

use std::time::Duration;

use serde_json::json;

use crate::jobs_http::{WORKER, delayed, is_refused, worker};
use crate::support::jobs::{Event, id, program};

#[tokio::test]
async fn a_wait_ends_with_the_job_or_on_timeout() {
    let host = worker().alone().start().await;
    let job = host.client.submit(WORKER, delayed()).await;
    let start = host.stopwatch();
    let waited = host.client.of_job(&job, "GET", "?wait=0.3").await.json();
    assert_eq!(waited["status"], "pending");
    assert!(
        start.elapsed() >= Duration::from_millis(300),
        "{:?}",
        start.elapsed()
    );

    let start = host.stopwatch();
    let (ended, cancelled) = tokio::join!(
        host.client.of_job(&job, "GET", "?wait=60"),
        host.client.of_job(&job, "POST", "/cancel")
    );
    assert_eq!(
        (&ended.json()["status"], cancelled.status),
        (&json!("cancelled"), 200)
    );
    assert_eq!(
        host.client.of_job(&job, "GET", "?wait=60").await.json()["status"],
        "cancelled"
    );
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    for query in ["?wait=soon", "?wait=-1", "?wait=NaN", "?timeout=1"] {
        assert_eq!(
            host.client.of_job(&job, "GET", query).await.status,
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_cancelled_job_never_runs_until_it_is_retried() {
    let host = worker().start().await;
    let job = host.client.submit(WORKER, delayed()).await;
    is_refused(
        &host.client.of_job(&job, "POST", "/retry").await,
        409,
        "only a failed or cancelled job",
    );
    let cancelled = host.client.of_job(&job, "POST", "/cancel").await.json();
    assert_eq!(
        (&cancelled["status"], &cancelled["attempt"]),
        (&json!("cancelled"), &json!(0))
    );
    // A second cancel changes nothing.
    assert_eq!(
        host.client.of_job(&job, "POST", "/cancel").await.json(),
        cancelled
    );
    let retried = host.client.of_job(&job, "POST", "/retry").await;
    assert_eq!(retried.status, 202, "{}", retried.body);
    assert_eq!(
        host.client.ended(&job).await["status"],
        "completed",
        "a retried job does not wait"
    );
    is_refused(
        &host.client.of_job(&job, "POST", "/retry").await,
        409,
        "only a failed or cancelled job",
    );
    assert_eq!(
        host.client.of_job(&job, "POST", "/cancel").await.json()["status"],
        "completed"
    );
}

#[tokio::test]
async fn events_follow_a_job_to_its_end() {
    let host = worker()
        .config("[server]\nkeep_alive_interval = '50ms'")
        .start()
        .await;
    let job = host
        .client
        .submit(
            WORKER,
            program(json!({"do": "progress", "steps": 3, "ms": 300})),
        )
        .await;
    let mut events = host.client.follow(&job, None).await;
    assert_eq!(
        events.headers["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let seen = events.rest().await;
    assert!(
        events.heartbeats >= 3,
        "{} heartbeats in 900 ms",
        events.heartbeats
    );
    assert!(seen.is_sorted_by(|one, next| one.id < next.id), "{seen:?}");
    assert!(
        seen.iter()
            .all(|event| event.job["status"] == event.name && event.job["revision"] == event.id),
        "{seen:?}"
    );
    let steps: Vec<u64> = seen
        .iter()
        .filter_map(|event| event.job["progress"]["done"].as_u64())
        .collect();
    assert!(steps.contains(&1) && steps.is_sorted(), "{steps:?}");
    let last = seen.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.job),
        ("completed", &host.client.job(&job).await)
    );

    // A client that reconnects gets the events that it has not seen; one that has seen the end gets
    // 204.
    let middle = seen
        .iter()
        .find(|event| event.name == "running")
        .unwrap()
        .id;
    let resumed = host.client.follow(&job, Some(middle)).await.rest().await;
    assert!(
        resumed.iter().all(|event| event.id > middle) && resumed.last().unwrap().job == last.job,
        "{resumed:?}"
    );
    let path = format!("/{WORKER}/jobs/{}/events", id(&job));
    let over = host
        .client
        .send_with("GET", &path, &[("last-event-id", last.id.to_string())], "")
        .await;
    assert_eq!((over.status, over.body.as_str()), (204, ""));
    // An id that this job never had is ignored.
    assert_eq!(
        names(
            &host
                .client
                .follow(&job, Some(last.id + 100))
                .await
                .rest()
                .await
        ),
        ["completed"]
    );
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

#[tokio::test]
async fn events_keep_a_waiting_connection_alive_and_report_a_cancel() {
    let host = worker()
        .config("[server]\nkeep_alive_interval = '20ms'")
        .start()
        .await;
    let job = host.client.submit(WORKER, delayed()).await;
    let mut events = host.client.follow(&job, None).await;
    assert_eq!(events.next().await.unwrap().name, "pending");
    events.beats(3).await;
    host.client.of_job(&job, "POST", "/cancel").await;
    assert_eq!(names(&events.rest().await), ["cancelled"]);
}

#[tokio::test]
async fn waiting_clients_do_not_delay_shutdown() {
    let mut host = worker()
        .config("[server]\ndrain_deadline = '10m'")
        .start()
        .await;
    let (client, job) = (
        host.client.clone(),
        host.client.submit(WORKER, delayed()).await,
    );
    let mut events = client.follow(&job, None).await;
    assert_eq!(events.next().await.unwrap().name, "pending");
    let waiting = client.of_job(&job, "GET", "?wait=300");
    let stopping = async {
        // After another round trip, the wait has started.
        client.job(&job).await;
        host.sigterm();
        host.ended().await
    };
    let (waited, ended) = tokio::join!(waiting, stopping);
    assert_eq!(
        (waited.status, &waited.json()["status"], ended.code()),
        (200, &json!("pending"), Some(0))
    );
    assert_eq!(
        names(&events.rest().await),
        [""; 0],
        "the client reconnects for the rest"
    );
}
