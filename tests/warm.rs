//! Instances that are reused between runs: only if the operator allows it, and never after a failed
//! run.

use crate::support::host::{TestHost, TestHostBuilder};

fn warm(guest: &str, more: &str) -> TestHostBuilder {
    TestHost::builder()
        .guest(guest)
        .policy(guest, &format!("instance = 'warm'\n{more}"))
}

async fn counts(host: &TestHost, runs: usize) -> Vec<String> {
    let mut counts = Vec::new();
    for _ in 0..runs {
        counts.push(host.client.chat("counter", "count").await.text());
    }
    counts
}

#[tokio::test]
async fn warm_instances_are_reused_up_to_the_run_limit() {
    let host = warm("counter", "warm_runs_max = 3").start().await;
    assert_eq!(counts(&host, 7).await, ["1", "2", "3", "1", "2", "3", "1"]);
}

#[tokio::test]
async fn a_failed_run_discards_its_instance() {
    let host = warm("counter", "[limits]\noutput_bytes_max = 1")
        .start()
        .await;
    assert_eq!(counts(&host, 9).await.last().unwrap(), "9");
    // Two digits are too many: that run fails, and the next one starts fresh.
    assert_eq!(host.client.chat("counter", "count").await.status, 500);
    assert_eq!(counts(&host, 2).await, ["1", "2"]);
}

#[tokio::test]
async fn limits_and_grants_apply_to_each_run_of_a_warm_instance() {
    let host = warm("log-flood", "[limits]\nlog_lines_max = 3")
        .start()
        .await;
    for _ in 0..2 {
        host.client.chat("log-flood", "hi").await;
    }
    let runs = host.client.get("/log-flood/tasks").await.json();
    for run in runs["data"].as_array().unwrap() {
        host.logs
            .line(&[
                "log-flood",
                run["id"].as_str().unwrap(),
                "dropping the rest",
            ])
            .await;
    }
}

#[tokio::test]
async fn a_new_version_or_policy_starts_fresh_instances() {
    let host = warm("counter", "").start().await;
    assert_eq!(counts(&host, 2).await, ["1", "2"]);
    std::fs::write(host.policy_file("counter"), "instance = 'isolated'").unwrap();
    host.serves_version("counter", 2).await;
    assert_eq!(counts(&host, 3).await, ["1", "1", "1"]);
}

#[tokio::test]
async fn an_instance_with_anything_left_behind_is_not_reused() {
    let host = warm("leaves-behind", "").start().await;
    let mut answers = Vec::new();
    for left in [
        "nothing", "nothing", "task", "nothing", "panic", "nothing", "call", "nothing",
    ] {
        answers.push(host.client.chat("leaves-behind", left).await.text());
    }
    assert_eq!(answers, ["1", "2", "3", "1", "2", "1", "2", "1"]);
}
