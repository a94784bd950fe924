//! Each limit is enforced without affecting a neighbour.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::support::client::{Reply, stream_body};
use crate::support::guest::guest;
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::metrics::reached;
use crate::support::neighbour::beside_a_neighbour;

fn with_neighbour(guest: &str, limits: &str) -> TestHostBuilder {
    TestHost::builder()
        .guest(guest)
        .guest("slow-stream")
        .limits(limits)
        .alone()
}

/// A failing answer of `guest`, next to a neighbour.
async fn reach(guest: &str, limits: &str) -> (TestHost, Reply) {
    let host = with_neighbour(guest, limits).start().await;
    let reply = beside_a_neighbour(&host, host.client.chat(guest, "go on")).await;
    (host, reply)
}

#[track_caller]
fn is_failure(reply: &Reply, status: u16, limit: &str) {
    assert_eq!(reply.status, status, "{}", reply.body);
    assert!(reply.error().contains(limit), "{}", reply.body);
    assert_eq!(reply.json()["error"]["param"], limit, "{}", reply.body);
}

#[tokio::test]
async fn memory() {
    let (host, reply) = reach("memory-bomb", "memory_bytes_max = '32 MiB'").await;
    is_failure(&reply, 500, "memory_bytes_max");
    assert_eq!(reached(&host, "memory_bytes_max", "memory-bomb").await, 1);
    host.logs.line(&["memory-bomb", "memory_bytes_max"]).await;
}

#[tokio::test]
async fn cpu_time() {
    let (host, reply) = reach("spin-in-chat", "cpu_time_max = '1s'").await;
    is_failure(&reply, 504, "cpu_time_max");
    assert_eq!(reached(&host, "cpu_time_max", "spin-in-chat").await, 1);
    host.logs.line(&["spin-in-chat", "cpu_time_max"]).await;
}

#[tokio::test]
async fn cpu_time_of_many_concurrent_runs() {
    let host = with_neighbour("spin-in-chat", "cpu_time_max = '300ms'")
        .start()
        .await;
    let spinners = async {
        let mut replies = JoinSet::new();
        for _ in 0..8 {
            let client = host.client.clone();
            replies.spawn(async move { client.chat("spin-in-chat", "go on").await });
        }
        replies.join_all().await
    };
    for reply in beside_a_neighbour(&host, spinners).await {
        is_failure(&reply, 504, "cpu_time_max");
    }
}

#[tokio::test]
async fn cpu_time_after_the_first_chunk_ends_the_stream_with_an_error_frame() {
    let host = with_neighbour("spin-after-first-chunk", "cpu_time_max = '300ms'")
        .start()
        .await;
    let read = async {
        let mut stream = host.client.stream("spin-after-first-chunk", "go on").await;
        // The chunk is delivered while the guest keeps computing.
        stream.next_text().await;
        stream.rest_error().await
    };
    let error = beside_a_neighbour(&host, read).await;
    assert!(error.contains("cpu_time_max"), "{error}");
}

#[tokio::test]
async fn wall_time() {
    let host = with_neighbour("sleep-forever", "wall_time_max = '2s'")
        .start()
        .await;
    let start = host.stopwatch();
    let reply = beside_a_neighbour(&host, host.client.chat("sleep-forever", "go on")).await;
    is_failure(&reply, 504, "wall_time_max");
    assert_eq!(reached(&host, "wall_time_max", "sleep-forever").await, 1);
    assert!(start.elapsed() >= Duration::from_secs(2));
    host.is_idle("sleep-forever").await;
}

#[tokio::test]
async fn wall_time_ends_a_guest_that_keeps_sending_to_a_client_that_does_not_read() {
    let host = TestHost::builder()
        .guest("flood-output")
        .limits("wall_time_max = '1s'")
        .start()
        .await;
    let stream = host
        .client
        .stream_with(&stream_body("flood-output", "go on"))
        .await;
    host.is_idle("flood-output").await;
    drop(stream);
}

#[tokio::test]
async fn output() {
    let (host, reply) = reach("flood-output", "output_bytes_max = '256 KiB'").await;
    is_failure(&reply, 500, "output_bytes_max");
    assert_eq!(reached(&host, "output_bytes_max", "flood-output").await, 1);
}

#[tokio::test]
async fn output_of_a_stream_ends_with_an_error_frame() {
    let host = with_neighbour("flood-output", "output_bytes_max = '256 KiB'")
        .start()
        .await;
    let read = async {
        let mut stream = host.client.stream("flood-output", "go on").await;
        stream.next_text().await;
        stream.rest_error().await
    };
    let error = beside_a_neighbour(&host, read).await;
    assert!(error.contains("output_bytes_max"), "{error}");
}

#[tokio::test]
async fn chunk() {
    let (host, reply) = reach("big-chunk", "chunk_bytes_max = '64 KiB'").await;
    is_failure(&reply, 500, "chunk_bytes_max");
    assert_eq!(reached(&host, "chunk_bytes_max", "big-chunk").await, 1);
}

#[tokio::test]
async fn runs_beyond_the_limit_are_queued_then_refused_with_429() {
    let limits = "plugin_runs_max = 2\nplugin_queue_max = 1\nqueue_time_max = '20s'";
    let host = TestHost::builder()
        .guest("slow-stream")
        .guest_as("slow-stream", "full")
        .limits(limits)
        .alone()
        .start()
        .await;
    let disturb = async {
        let (mut first, mut second) = (
            host.client.stream("full", "100").await,
            host.client.stream("full", "100").await,
        );
        // Two more while two run: one waits for a slot, one finds the queue full.
        let more = || host.client.chat("full", "1");
        let (_, _, one, other) =
            tokio::join!(first.rest_text(), second.rest_text(), more(), more());
        if one.status == 200 {
            (one, other)
        } else {
            (other, one)
        }
    };
    let (queued, refused) = beside_a_neighbour(&host, disturb).await;
    assert_eq!(queued.status, 200, "{}", queued.body);
    is_failure(&refused, 429, "plugin_queue_max");
    assert_eq!(reached(&host, "plugin_queue_max", "full").await, 1);
    // One waited and one was refused because two were running.
    assert_eq!(reached(&host, "plugin_runs_max", "full").await, 2);
    let seconds = refused.header("retry-after").map(str::parse::<u64>);
    assert!(
        matches!(seconds, Some(Ok(1..))),
        "Retry-After is {seconds:?}"
    );
}

#[tokio::test]
async fn runs_that_would_find_no_memory_at_their_start_wait() {
    // Room for the memory of three runs.
    let limits = "plugin_memory_bytes_max = '4 MiB'";
    let host = TestHost::builder()
        .guest("slow-stream")
        .limits(limits)
        .start()
        .await;
    let runs = (0..6).map(|_| host.client.chat("slow-stream", "20"));
    for reply in join_all(runs).await {
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    assert!(reached(&host, "plugin_memory_bytes_max", "slow-stream").await > 0);
}

#[tokio::test]
async fn waiting_for_a_free_slot_has_a_timeout() {
    let limits = "plugin_runs_max = 1\nqueue_time_max = '100ms'";
    let host = TestHost::builder()
        .guest("slow-stream")
        .limits(limits)
        .start()
        .await;
    let mut running = host.client.stream("slow-stream", "500").await;
    running.next_text().await;
    let refused = host.client.chat("slow-stream", "1").await;
    assert!(
        refused.error().contains("no place became free in time"),
        "{}",
        refused.body
    );
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (429, &"queue_time_max".into()),
        "{}",
        refused.body
    );
    assert_eq!(reached(&host, "queue_time_max", "slow-stream").await, 1);
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn concurrent_runs_of_the_host() {
    let limits = "plugin_queue_max = 0";
    let host = TestHost::builder()
        .guest("slow-stream")
        .guest("echo-relay")
        .limits(limits)
        .config("[engine]\nhost_runs_max = 1")
        .start()
        .await;
    let mut running = host.client.stream("slow-stream", "500").await;
    running.next_text().await;
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.status, 429);
    assert_eq!(reached(&host, "host_runs_max", "echo-relay").await, 1);
    drop(running);
    host.is_idle("slow-stream").await;
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.text(), "hi");
}

#[tokio::test]
async fn log_lines() {
    let (host, reply) = reach(
        "log-flood",
        "log_lines_max = 5\nlog_line_bytes_max = '100 B'",
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    host.logs.line(&["log_lines_max"]).await;
    assert_eq!(reached(&host, "log_lines_max", "log-flood").await, 1);
    assert_eq!(reached(&host, "log_line_bytes_max", "log-flood").await, 1);
    let of_guest: Vec<String> = host
        .logs
        .lines()
        .into_iter()
        .filter(|line| line.contains("log-flood") && line.contains("run="))
        .collect();
    assert!((1..=6).contains(&of_guest.len()), "{of_guest:?}");
    assert!(of_guest.iter().all(|line| line.len() < 400), "{of_guest:?}");
}

#[tokio::test]
async fn component_size() {
    let size = std::fs::metadata(guest("echo-relay")).unwrap().len();
    let host = TestHost::builder()
        .guest("echo-relay")
        .limits(&format!("component_bytes_max = {}", size - 1))
        .start()
        .await;
    let reason = host.refusal("echo-relay").await;
    assert!(reason.contains("component_bytes_max"), "{reason}");
    assert_eq!(reached(&host, "component_bytes_max", "echo-relay").await, 1);
}
