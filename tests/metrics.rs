//! `/metrics`: runs, jobs, models, connections, and limits reached by clients.

use crate::support::await_event::{SOON, eventually};
use crate::support::host::TestHost;
use crate::support::metrics::{metric, reached};

#[tokio::test]
async fn runs_and_versions_are_counted() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("panic")
        .guest("slow-stream")
        .start()
        .await;
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.text(), "hi");
    assert_eq!(host.client.chat("panic", "go on").await.status, 500);
    let mut running = host.client.stream("slow-stream", "500").await;
    running.next_text().await;
    for (name, expected) in [
        ("hayrick_runs_started_total{pipeline=\"echo-relay\"}", 1.0),
        ("hayrick_runs_failed_total{pipeline=\"echo-relay\"}", 0.0),
        ("hayrick_runs_failed_total{pipeline=\"panic\"}", 1.0),
        ("hayrick_runs_active{pipeline=\"slow-stream\"}", 1.0),
        ("hayrick_runs_queued{pipeline=\"slow-stream\"}", 0.0),
        ("hayrick_version_serving{pipeline=\"echo-relay\"}", 1.0),
        // `setup` at the deploy, and the run.
        ("hayrick_run_seconds_count{pipeline=\"echo-relay\"}", 2.0),
        (
            "hayrick_run_cpu_seconds_count{pipeline=\"echo-relay\"}",
            2.0,
        ),
    ] {
        assert_eq!(metric(&host, name).await, Some(expected), "{name}");
    }
    assert!(
        metric(&host, "hayrick_connections").await >= Some(2.0),
        "the connections of the stream and of the scrape"
    );
    drop(running);
    host.is_idle("slow-stream").await;
    assert_eq!(
        metric(&host, "hayrick_runs_active{pipeline=\"slow-stream\"}").await,
        Some(0.0)
    );
}

#[tokio::test]
async fn metrics_are_valid_openmetrics_without_removed_plugins() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("slow-stream")
        .start()
        .await;
    let reply = host.client.get("/metrics").await;
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text"),
        "{:?}",
        reply.headers
    );
    assert!(
        reply.body.ends_with("# EOF\n")
            && reply
                .body
                .contains("# TYPE hayrick_limit_reached counter\n"),
        "{}",
        reply.body
    );
    std::fs::remove_file(host.plugin_file("echo-relay")).unwrap();
    eventually("its metrics are removed", SOON, async || {
        let body = host.client.get("/metrics").await.body;
        (!body.contains("echo-relay") && body.contains("slow-stream")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn counters_only_grow_when_a_plugin_is_removed_and_deployed_again() {
    let host = TestHost::builder().guest("echo-relay").start().await;
    let started = "hayrick_runs_started_total{pipeline=\"echo-relay\"}";
    let durations = "hayrick_run_seconds_count{pipeline=\"echo-relay\"}";
    host.client.chat("echo-relay", "echo:hi").await;
    assert_eq!(metric(&host, started).await, Some(1.0));
    let bytes = std::fs::read(host.plugin_file("echo-relay")).unwrap();
    std::fs::remove_file(host.plugin_file("echo-relay")).unwrap();
    eventually("it is gone", SOON, async || {
        metric(&host, started).await.is_none().then_some(())
    })
    .await;
    std::fs::write(host.plugin_file("echo-relay"), bytes).unwrap();
    host.serves_version("echo-relay", 1).await;
    host.client.chat("echo-relay", "echo:hi").await;
    assert_eq!(metric(&host, started).await, Some(2.0));
    // `setup` at each deploy, and the runs.
    assert_eq!(metric(&host, durations).await, Some(4.0));
}

#[tokio::test]
async fn a_client_limit_is_named_and_counted() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config("[server]\nbody_bytes_max = '1 KiB'")
        .start()
        .await;
    let reply = host.client.chat("echo-relay", &"x".repeat(1500)).await;
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["code"], &error["param"]),
        (413, &"limit_exceeded".into(), &"body_bytes_max".into()),
        "{}",
        reply.body
    );
    assert_eq!(reached(&host, "body_bytes_max", "").await, 1);
}

#[tokio::test]
async fn jobs_are_counted_by_status_and_a_full_queue_by_its_limit() {
    let host = TestHost::builder()
        .guest("job-worker")
        .config("[jobs]\npending_max = 1\njobs_max = 1")
        .start()
        .await;
    // Far in the future: it stays pending.
    let submit = || {
        host.client.send(
            "POST",
            "/job-worker/jobs",
            r#"{"type": "any", "data": {}, "delay": 3600}"#,
        )
    };
    let first = submit().await;
    assert_eq!(first.status, 202, "{}", first.body);
    assert_eq!(
        metric(
            &host,
            "hayrick_jobs{pipeline=\"job-worker\",status=\"pending\"}"
        )
        .await,
        Some(1.0)
    );
    let refused = submit().await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (429, &"jobs.pending_max".into()),
        "{}",
        refused.body
    );
    assert_eq!(reached(&host, "jobs.pending_max", "").await, 1);
}
