//! State of plugins: private, limited, and durable.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::await_event::{SOON, eventually};
use crate::support::client::Reply;
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::metrics::reached;

const TOOL: &str = "state-tool";

fn tool() -> TestHostBuilder {
    TestHost::builder().guest(TOOL)
}

/// Runs the state command in `text` in a pipeline.
async fn of(host: &TestHost, pipeline: &str, text: &str) -> Value {
    let reply = host.client.chat(pipeline, text).await;
    assert_eq!(reply.status, 200, "{text}: {}", reply.body);
    serde_json::from_str(&reply.text()).unwrap()
}

async fn done(host: &TestHost, text: &str) -> Value {
    of(host, TOOL, text).await
}

/// The value of a key.
async fn value(host: &TestHost, key: &str) -> Value {
    done(host, &format!("get:{key}")).await["value"].clone()
}

#[track_caller]
fn is_refusal(reply: &Reply, status: u16, fragments: &[&str]) {
    assert_eq!(reply.status, status, "{}", reply.body);
    assert!(
        fragments
            .iter()
            .all(|fragment| reply.error().contains(fragment)),
        "{fragments:?}: {}",
        reply.body
    );
}

#[tokio::test]
async fn a_value_is_found_until_it_is_deleted() {
    let host = tool().start().await;
    assert_eq!(done(&host, "get:k").await, Value::Null);
    let first = done(&host, "set:k=one").await;
    assert_eq!(
        done(&host, "get:k").await,
        json!({"value": "one", "revision": first})
    );
    let second = done(&host, "set:k=two=2").await;
    assert!(second.as_u64() > first.as_u64(), "{first} {second}");
    assert_eq!(value(&host, "k").await, "two=2");
    assert_eq!(
        (done(&host, "delete:k").await, done(&host, "delete:k").await),
        (true.into(), false.into())
    );
    assert_eq!(done(&host, "get:k").await, Value::Null);
}

#[tokio::test]
async fn keys_are_listed_by_prefix_in_order_and_in_pages() {
    let host = tool().start().await;
    for key in ["user/b", "user/a", "other", "user/ü", "user/c", "users"] {
        done(&host, &format!("set:{key}=1")).await;
    }
    assert_eq!(
        done(&host, "list:user/").await,
        json!(["user/a", "user/b", "user/c", "user/ü"])
    );
    assert_eq!(
        done(&host, "list:").await,
        json!(["other", "user/a", "user/b", "user/c", "user/ü", "users"])
    );
    assert_eq!(
        done(&host, "list:user/=2=").await,
        json!(["user/a", "user/b"])
    );
    assert_eq!(
        done(&host, "list:user/=2=user/b").await,
        json!(["user/c", "user/ü"])
    );
    assert_eq!(done(&host, "list:user/=2=user/ü").await, json!([]));
}

#[tokio::test]
async fn compare_and_set_accepts_only_the_current_revision() {
    let host = tool().start().await;
    let first = done(&host, "cas:k=none=a").await;
    assert_eq!(done(&host, "cas:k=none=b").await, Value::Null);
    let second = done(&host, &format!("cas:k={first}=b")).await;
    assert_eq!(done(&host, &format!("cas:k={first}=c")).await, Value::Null);
    assert_eq!(value(&host, "k").await, "b");
    done(&host, "delete:k").await;
    // A revision is never reused, even if the key was deleted in between.
    assert_eq!(done(&host, &format!("cas:k={second}=c")).await, Value::Null);
    assert_ne!(done(&host, "cas:k=none=d").await, second);
}

#[tokio::test]
async fn concurrent_increments_of_32_clients_are_all_counted() {
    let host = tool().start().await;
    let mut counting = JoinSet::new();
    for _ in 0..32 {
        let client = host.client.clone();
        counting.spawn(async move {
            client
                .chat(TOOL, "bump:n")
                .await
                .text()
                .parse::<u64>()
                .unwrap()
        });
    }
    let mut counts = counting.join_all().await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=32).collect::<Vec<_>>());
    assert_eq!(value(&host, "n").await, "32");
}

#[tokio::test]
async fn two_pipelines_of_one_file_do_not_share_state() {
    let host = TestHost::builder()
        .guest_as(TOOL, "one")
        .guest_as(TOOL, "two")
        .start()
        .await;
    for pipeline in ["one", "two"] {
        of(&host, pipeline, &format!("set:k={pipeline}")).await;
    }
    of(&host, "one", "set:mine=1").await;
    assert_eq!(of(&host, "one", "get:k").await["value"], "one");
    assert_eq!(of(&host, "two", "get:k").await["value"], "two");
    assert_eq!(of(&host, "two", "list:").await, json!(["k"]));
    assert_eq!(of(&host, "two", "delete:mine").await, false);
    of(&host, "two", "delete:k").await;
    assert_eq!(of(&host, "one", "list:").await, json!(["k", "mine"]));
}

#[tokio::test]
async fn expired_entries_are_gone() {
    let host = tool().start().await;
    done(&host, "setttl:short=300=1").await;
    done(&host, "setttl:long=3600000=1").await;
    eventually("the key has expired", SOON, async || {
        done(&host, "get:short").await.is_null().then_some(())
    })
    .await;
    assert_eq!(done(&host, "list:").await, json!(["long"]));
    assert_eq!(done(&host, "delete:short").await, false);
    assert!(
        done(&host, "cas:short=none=2").await.is_u64(),
        "an expired key is absent"
    );
    // Without an expiry it stays.
    done(&host, "set:long=2").await;
    assert_eq!(value(&host, "long").await, "2");
}

#[tokio::test]
async fn exceeding_a_quota_names_the_cure_and_keeps_existing_entries() {
    let quota = "[state]\nkeys_max = 3\nvalue_bytes_max = '1 KiB'\nbytes_max = '2 KiB'\n\
                 ttl_max = '2s'";
    let host = TestHost::builder()
        .guest_as(TOOL, "full")
        .guest(TOOL)
        .config(quota)
        .start()
        .await;
    let kib = "x".repeat(1024);
    let too_long = host.client.chat("full", &format!("set:k={kib}x")).await;
    is_refusal(&too_long, 400, &["at most 1024 bytes", "1025", "split"]);
    is_refusal(
        &host
            .client
            .chat("full", &format!("set:{}=1", "k".repeat(513)))
            .await,
        400,
        &["512", "513", "state.key_bytes_max"],
    );
    is_refusal(
        &host.client.chat("full", "setttl:k=2001=1").await,
        400,
        &["at most 2s", "state.ttl_max"],
    );
    for limit in ["state.key_bytes_max", "state.ttl_max"] {
        assert_eq!(reached(&host, limit, "full").await, 1, "{limit}");
    }
    is_refusal(
        &host.client.chat("full", "set:=1").await,
        400,
        &["a key must have 1 to"],
    );

    of(&host, "full", &format!("set:a={kib}")).await;
    is_refusal(
        &host.client.chat("full", &format!("set:b={kib}")).await,
        429,
        &["2048 bytes", "bytes_max"],
    );
    for key in ["b", "c"] {
        of(&host, "full", &format!("set:{key}=1")).await;
    }
    is_refusal(
        &host.client.chat("full", "set:d=1").await,
        429,
        &["3 keys", "keys_max"],
    );
    is_refusal(
        &host.client.chat("full", "cas:d=none=1").await,
        429,
        &["keys_max"],
    );
    assert_eq!(of(&host, "full", "list:").await, json!(["a", "b", "c"]));

    // Overwriting and deleting make room, and the neighbour had room all the time.
    of(&host, "full", &format!("set:a={kib}")).await;
    of(&host, "full", "delete:c").await;
    of(&host, "full", "set:d=1").await;
    done(&host, "set:d=1").await;
    for (limit, times) in [
        ("state.value_bytes_max", 1),
        ("state.bytes_max", 1),
        ("state.keys_max", 2),
    ] {
        assert_eq!(reached(&host, limit, "full").await, times, "{limit}");
    }
}

#[tokio::test]
async fn acknowledged_writes_survive_a_restart_and_a_kill() {
    let mut host = tool().start().await;
    let mut revisions = vec![done(&host, "set:k=0").await];
    for round in 1..=6 {
        host = if round % 2 == 0 {
            host.restart().await
        } else {
            host.kill_and_restart().await
        };
        assert_eq!(value(&host, "k").await, (round - 1).to_string());
        revisions.push(done(&host, &format!("set:k={round}")).await);
    }
    assert!(
        revisions.is_sorted_by(|before, after| before.as_u64() < after.as_u64()),
        "{revisions:?}"
    );
}

#[tokio::test]
async fn a_kill_during_writes_loses_no_acknowledged_write() {
    let host = tool().start().await;
    let (sender, mut counts) = tokio::sync::mpsc::unbounded_channel();
    let mut counting = JoinSet::new();
    for _ in 0..4 {
        let (client, sender) = (host.client.clone(), sender.clone());
        counting.spawn(async move {
            loop {
                let count: u64 = client.chat(TOOL, "bump:n").await.text().parse().unwrap();
                if sender.send(count).is_err() {
                    return;
                }
            }
        });
    }
    let mut answered = 0;
    for _ in 0..40 {
        answered = answered.max(counts.recv().await.unwrap());
    }
    let host = host.kill_and_restart().await;
    counting.shutdown().await;
    while let Ok(count) = counts.try_recv() {
        answered = answered.max(count);
    }
    let kept: u64 = value(&host, "n").await.as_str().unwrap().parse().unwrap();
    // Each of the four may have one more stored write that was not acknowledged.
    assert!(
        (answered..=answered + 4).contains(&kept),
        "{answered} were acknowledged, {kept} are stored"
    );
}
