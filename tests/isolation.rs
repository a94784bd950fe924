//! What a guest cannot access: files, network, environment, other runs.

use crate::support::host::TestHost;
use crate::support::neighbour::beside_a_neighbour;

#[tokio::test]
async fn guests_cannot_access_the_machine() {
    let host = TestHost::builder()
        .guest("ambient")
        .variable("HAYRICK_TEST_SECRET", "hunter2")
        .start()
        .await;
    let report = host.client.chat("ambient", "look around").await.text();
    for line in report.lines() {
        assert!(
            line.contains("denied"),
            "the guest got access: {line}\n{report}"
        );
    }
    for attempt in ["file", "folder", "environment", "network"] {
        assert!(
            report.contains(attempt),
            "the guest did not try: {attempt}\n{report}"
        );
    }
    assert!(!report.contains("hunter2"), "{report}");
}

#[tokio::test]
async fn every_run_has_a_fresh_store() {
    let host = TestHost::builder().guest("counter").start().await;
    for _ in 0..20 {
        assert_eq!(host.client.chat("counter", "count").await.text(), "1");
    }
    let together = (0..20).map(|_| {
        let client = host.client.clone();
        tokio::spawn(async move { client.chat("counter", "count").await.text() })
    });
    for count in together.collect::<Vec<_>>() {
        assert_eq!(count.await.unwrap(), "1");
    }
}

#[tokio::test]
async fn a_panic_ends_only_its_own_run() {
    let host = TestHost::builder()
        .guest("panic")
        .guest("slow-stream")
        .alone()
        .start()
        .await;
    let reply = beside_a_neighbour(&host, async {
        for _ in 0..20 {
            host.client.chat("panic", "hi").await;
        }
        host.client.chat("panic", "hi").await
    })
    .await;
    assert_eq!(reply.status, 500, "{}", reply.body);
    let error = reply.error();
    let run = error
        .rsplit_once("(run ")
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or_else(|| panic!("no run id: {error}"));
    host.logs.line(&[run, "panicked"]).await;
    host.logs.line(&["wasm backtrace"]).await;
    assert_eq!(
        host.client.status("panic").await.unwrap()["failed_runs"],
        21
    );
}

#[tokio::test]
async fn a_stack_overflow_ends_only_its_own_run() {
    let host = TestHost::builder()
        .guest("stack-overflow")
        .guest("slow-stream")
        .alone()
        .start()
        .await;
    let reply = beside_a_neighbour(&host, host.client.chat("stack-overflow", "hi")).await;
    assert_eq!(reply.status, 500, "{}", reply.body);
    assert!(reply.error().contains("stack"), "{}", reply.body);
}

#[tokio::test]
async fn guest_output_is_logged_with_its_run_id() {
    let host = TestHost::builder().guest("stderr-writer").start().await;
    host.client.chat("stderr-writer", "hi").await;
    host.logs.line(&["stderr-writer", "run"]).await;
}
