//! Instances that are kept between runs: only where the operator says so, and never after a run
//! that went wrong.

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
async fn runs_follow_each_other_in_one_instance_until_it_is_worn_out() {
    let host = warm("counter", "warm_runs_max = 3").start().await;
    assert_eq!(counts(&host, 7).await, ["1", "2", "3", "1", "2", "3", "1"]);
}

#[tokio::test]
async fn a_run_that_fails_takes_its_instance_with_it() {
    let host = warm("counter", "[limits]\noutput_bytes_max = 1")
        .start()
        .await;
    assert_eq!(counts(&host, 9).await.last().unwrap(), "9");
    // Two digits are too many: that run has failed, and the next one begins anew.
    assert_eq!(host.client.chat("counter", "count").await.status, 500);
    assert_eq!(counts(&host, 2).await, ["1", "2"]);
}

#[tokio::test]
async fn limits_and_grants_are_those_of_each_run() {
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
                "the rest is dropped",
            ])
            .await;
    }
}

#[tokio::test]
async fn a_new_version_or_policy_begins_anew() {
    let host = warm("counter", "").start().await;
    assert_eq!(counts(&host, 2).await, ["1", "2"]);
    std::fs::write(host.policy_file("counter"), "instance = 'isolated'").unwrap();
    host.serves_version("counter", 2).await;
    assert_eq!(counts(&host, 3).await, ["1", "1", "1"]);
}
