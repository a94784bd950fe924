//! Failures with a limit that pass through a guest: whatever the guest does with them, the limit is
//! named to the client and counted once.

use serde_json::Value;

use crate::support::client::Reply;
use crate::support::host::TestHost;
use crate::support::metrics::reached;

const TOOL: &str = "state-tool";
const KEYS_MAX: &str = "state.keys_max";

/// A host whose pipeline may store a single key, which is already stored.
async fn full() -> TestHost {
    let host = TestHost::builder()
        .guest(TOOL)
        .config("[state]\nkeys_max = 1")
        .start()
        .await;
    assert_eq!(host.client.chat(TOOL, "set:a=1").await.status, 200);
    host
}

/// `param` and `code` of an error.
fn limit_of(reply: &Reply) -> (Value, Value) {
    let error = &reply.json()["error"];
    (error["param"].clone(), error["code"].clone())
}

#[tokio::test]
async fn a_failure_passed_on_by_a_guest_keeps_its_limit_and_is_counted_once() {
    let host = full().await;
    let refused = host.client.chat(TOOL, "set:b=1").await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert_eq!(
        limit_of(&refused),
        (KEYS_MAX.into(), "rate_limit_exceeded".into())
    );
    assert_eq!(reached(&host, KEYS_MAX, TOOL).await, 1);
}

#[tokio::test]
async fn a_failure_handled_by_a_guest_is_counted() {
    let host = full().await;
    let caught = host.client.chat(TOOL, "tryset:b=1").await;
    assert_eq!((caught.status, caught.text().as_str()), (200, "false"));
    assert_eq!(reached(&host, KEYS_MAX, TOOL).await, 1);
}

#[tokio::test]
async fn the_budget_of_a_run_is_named_and_counted_once() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .policy("echo-relay", "[models]\nrun_tokens_max = 1")
        .start()
        .await;
    let question = "relay:a question of more than one token";
    let refused = host.client.chat("echo-relay", question).await;
    let limit = "models.run_tokens_max";
    assert_eq!(limit_of(&refused).0, limit, "{}", refused.body);
    assert_eq!(reached(&host, limit, "echo-relay").await, 1);
}

#[tokio::test]
async fn a_limit_invented_by_a_guest_is_neither_shown_nor_counted() {
    let host = full().await;
    for name in [KEYS_MAX, "memory_bytes_max", "no_such_limit"] {
        let failed = host.client.chat(TOOL, &format!("fail:{name}")).await;
        assert_eq!(failed.status, 429, "{name}: {}", failed.body);
        assert_eq!(limit_of(&failed).0, Value::Null, "{name}");
    }
    for name in [KEYS_MAX, "memory_bytes_max"] {
        assert_eq!(reached(&host, name, TOOL).await, 0, "{name}");
    }
}
