//! A store that goes wrong under a running server, and what a clean end leaves of it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::host::{TestHost, TestHostBuilder};

fn worker() -> TestHostBuilder {
    TestHost::builder().guest("job-worker")
}

fn job(value: Value) -> Value {
    json!({"type": "program", "data": {"do": "return", "value": value}})
}

async fn submit(host: &TestHost, body: &Value) -> crate::support::client::Reply {
    host.client
        .send("POST", "/job-worker/jobs", &body.to_string())
        .await
}

#[tokio::test]
async fn a_store_whose_file_is_gone_takes_no_job_and_is_not_ready() {
    let host = worker().start().await;
    assert_eq!(host.client.get("/health/ready").await.status, 200);
    std::fs::remove_dir_all(host.data_path("")).unwrap();
    let reply = submit(&host, &job(json!(1))).await;
    assert_eq!(reply.status, 500, "{}", reply.body);
    assert!(
        reply.error().contains("removed or replaced"),
        "{}",
        reply.body
    );
    let line = [
        "WARN",
        "a request failed",
        "status=500",
        "removed or replaced",
    ];
    host.logs.line(&line).await;
    let probe = host.client.get("/health/ready").await;
    assert_eq!(
        (probe.status, probe.json()),
        (503, json!({"status": "store"}))
    );
    assert_eq!(host.client.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_store_whose_file_is_damaged_says_so_and_is_not_ready() {
    let host = worker().start().await;
    let mut ids = Vec::new();
    for number in 0..200 {
        let value = json!(format!("needle-{number}-{}", "x".repeat(500)));
        let body = json!({"type": "program", "delay": 3600,
            "data": {"do": "return", "value": value}});
        ids.push(submit(&host, &body).await.json()["id"].clone());
    }
    let file = host.data_path("hayrick.db");
    let launch = host.stopped().await;
    damage_page_of(&file, b"needle-100-");
    let host = TestHost::begin(launch).await;
    assert_eq!(host.client.get("/health/ready").await.status, 200);
    let path = format!("/job-worker/jobs/{}", ids[100].as_str().unwrap());
    let reply = host.client.get(&path).await;
    assert_eq!(reply.status, 500, "{}", reply.body);
    assert!(
        reply.error().contains("restore the data folder"),
        "{}",
        reply.body
    );
    host.logs
        .line(&["ERROR", "the file of the store is damaged"])
        .await;
    host.logs
        .line(&["WARN", "a request failed", "damaged"])
        .await;
    let probe = host.client.get("/health/ready").await;
    assert_eq!(
        (probe.status, probe.json()),
        (503, json!({"status": "store"}))
    );
}

/// Overwrites the head of the page that holds `needle`.
fn damage_page_of(file: &Path, needle: &[u8]) {
    const PAGE: usize = 4096;
    let mut content = std::fs::read(file).unwrap();
    let at = content
        .windows(needle.len())
        .position(|bytes| bytes == needle)
        .unwrap();
    content[at / PAGE * PAGE..][..8].fill(0xff);
    std::fs::write(file, content).unwrap();
}

#[tokio::test]
async fn after_a_clean_end_the_file_alone_has_everything() {
    let mut host = worker().start().await;
    for number in 0..50 {
        assert_eq!(submit(&host, &job(json!(number))).await.status, 202);
    }
    let file = host.data_path("hayrick.db");
    host.sigterm();
    assert_eq!(host.ended().await.code(), Some(0));
    let copy = host.scratch_file("copy.db");
    std::fs::copy(file, &copy).unwrap();
    let count: u64 = rusqlite::Connection::open(copy)
        .unwrap()
        .query_row("SELECT count(*) FROM jobs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 50);
}

#[tokio::test]
async fn one_key_means_one_job_however_its_data_is_written() {
    let host = worker().start().await;
    let with = |data: &str| format!(r#"{{"type":"program","idempotency_key":"k","data":{data}}}"#);
    let post = async |data: &str| {
        host.client
            .send("POST", "/job-worker/jobs", &with(data))
            .await
    };
    let first = post(r#"{"do":"return","value":{"a":1,"b":[2]}}"#).await;
    for same in [
        r#"{"value":{"b":[2],"a":1},"do":"return"}"#,
        r#"{"value": {"b": [2.0], "a": 1e0}, "do": "\u0072eturn"}"#,
    ] {
        let again = post(same).await;
        assert_eq!(
            (again.status, &again.json()["id"]),
            (202, &first.json()["id"]),
            "{same}"
        );
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
    let other = post(r#"{"do":"return","value":{"a":1,"b":[3]}}"#).await;
    assert_eq!(other.status, 409, "{}", other.body);
}

#[tokio::test]
async fn the_key_of_a_cancelled_job_is_free_again() {
    let host = worker().start().await;
    let body = json!({"type": "program", "idempotency_key": "k", "delay": 3600,
        "data": {"do": "return", "value": 1}});
    let first = submit(&host, &body).await.json()["id"].clone();
    let path = format!("/job-worker/jobs/{}", first.as_str().unwrap());
    assert_eq!(
        host.client
            .send("POST", &format!("{path}/cancel"), "")
            .await
            .status,
        200
    );
    let second = submit(&host, &body).await;
    assert_eq!(
        (second.status, &second.json()["status"]),
        (202, &json!("pending"))
    );
    assert_ne!(second.json()["id"], first);
    assert_eq!(second.header("idempotency-replayed"), None);
    assert_eq!(host.client.get(&path).await.json()["status"], "cancelled");
}

#[tokio::test]
async fn data_that_no_list_could_show_is_refused() {
    let host = worker().start().await;
    let nested = |levels: usize| {
        let value = "[".repeat(levels) + &"]".repeat(levels);
        format!(r#"{{"type":"program","data":{{"do":"return","value":{value}}}}}"#)
    };
    let reply = host
        .client
        .send("POST", "/job-worker/jobs", &nested(126))
        .await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(
        reply.error().contains("deeper than 100 levels"),
        "{}",
        reply.body
    );
    let reply = host
        .client
        .send("POST", "/job-worker/jobs", &nested(99))
        .await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let port = host.address().rsplit(':').next().unwrap();
    let listed = crate::support::command::hayrick(&["jobs", "list", "job-worker", "--port", port]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
}
