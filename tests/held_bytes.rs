//! What requests hold while they arrive: no client can take all the memory or the disk.

use reqwest::Method;
use serde_json::json;

use crate::support::await_event::{SOON, eventually};
use crate::support::client::{Client, Reply, chat_body};
use crate::support::form::{Form, content_type};
use crate::support::host::TestHost;
use crate::support::keys::{CreatedKey, REQUIRED};
use crate::support::raw_client::RawClient;

const BODIES: &str = "hayrick_body_bytes";
const KIB: usize = 1 << 10;
const CHAT: &str = "/v1/chat/completions";

async fn key(host: &TestHost) -> CreatedKey {
    host.create_key(&["--scope", "admin"]).await
}

/// Begins a request of this key, and never ends it.
async fn begin(host: &TestHost, key: &CreatedKey, path: &str, kind: &str, body: &str) -> RawClient {
    let (address, key, announced) = (host.address(), &key.key, body.len() + 1);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: {kind}\r\nContent-Length: {announced}\r\n\r\n"
    );
    RawClient::send(address, &(head + body)).await
}

/// A chat request of about this many bytes.
fn long(bytes: usize) -> String {
    let mut body = chat_body("echo-relay", "echo:hi");
    body["padding"] = "x".repeat(bytes).into();
    body.to_string()
}

/// Waits until the host has read at least this much of what others have begun to send.
async fn holds(host: &TestHost, key: &CreatedKey, metric: &str, bytes: usize) {
    eventually(metric, SOON, async || {
        let page = host.as_key(&key.key, "GET", "/metrics", "").await.body;
        let number = page
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.trim().parse().ok());
        (number.unwrap_or(0) >= bytes).then_some(())
    })
    .await;
}

#[track_caller]
fn refused(reply: &Reply, limit: &str) {
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["param"]),
        (429, &json!(limit)),
        "{reply:?}"
    );
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
}

async fn succeeds(what: &str, ask: impl AsyncFn() -> Reply) {
    eventually(what, SOON, async || {
        (ask().await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn bodies_in_memory_are_limited_per_client_and_in_all() {
    let limits = "[server]\nclient_bodies_bytes_max = '1 MiB'\nbodies_bytes_max = '1500 KiB'";
    let host = TestHost::builder().guest("echo-relay");
    let host = host.config(&format!("{limits}\n{REQUIRED}")).start().await;
    let keys = [key(&host).await, key(&host).await];
    let ask = async |key: usize, bytes: usize| {
        host.as_key(&keys[key].key, "POST", CHAT, &long(bytes))
            .await
    };

    let json = "application/json";
    let first = begin(&host, &keys[0], CHAT, json, &long(700 * KIB)).await;
    holds(&host, &keys[0], BODIES, 700 * KIB).await;
    refused(&ask(0, 700 * KIB).await, "client_bodies_bytes_max");
    assert_eq!(
        ask(1, 700 * KIB).await.status,
        200,
        "another client has its own share"
    );
    let second = begin(&host, &keys[1], CHAT, json, &long(700 * KIB)).await;
    holds(&host, &keys[0], BODIES, 1400 * KIB).await;
    refused(&ask(1, 200 * KIB).await, "bodies_bytes_max");
    assert_eq!(ask(1, 1).await.status, 200, "a short body finds room");
    drop((first, second));
    succeeds("the bytes are given back", async || ask(0, 900 * KIB).await).await;
}

#[tokio::test]
async fn fields_of_a_form_count_as_bodies_in_memory() {
    let host = TestHost::builder().guest("files-echo");
    let limits = "[server]\nclient_bodies_bytes_max = '100 KiB'";
    let host = host.config(limits).start().await;
    let form = |bytes: usize| {
        Form::default()
            .field("k", &"x".repeat(bytes))
            .file("a", "1")
    };
    let ask = async |form: Form| post(&host.client, None, form).await;
    assert_eq!(ask(form(90 * KIB)).await.status, 200);
    refused(&ask(form(110 * KIB)).await, "client_bodies_bytes_max");
}

async fn post(client: &Client, key: Option<&CreatedKey>, form: Form) -> Reply {
    let bearer = key.map(|key| ("authorization", format!("Bearer {}", key.key)));
    let kind = content_type();
    let headers: Vec<(&str, &str)> = [("content-type", kind.as_str())]
        .into_iter()
        .chain(bearer.as_ref().map(|(name, value)| (*name, value.as_str())))
        .collect();
    let sent = client.try_send(Method::POST, "/files-echo/files", &headers, form.closed());
    sent.await.unwrap()
}

#[tokio::test]
async fn uploads_on_disk_are_limited_per_client_per_pipeline_and_in_all() {
    for (limit, own, max) in [
        ("client_spool_bytes_max", true, "1 MiB"),
        ("pipeline_spool_bytes_max", false, "1 MiB"),
        ("spool_bytes_max", false, "1 MiB"),
    ] {
        let host = TestHost::builder().guest("files-echo");
        let settings = format!("[server]\n{limit} = '{max}'\n{REQUIRED}");
        let host = host.config(&settings).start().await;
        let keys = [key(&host).await, key(&host).await];
        let other = if own { &keys[0] } else { &keys[1] };
        let file = |bytes: usize| Form::default().file("a", "x".repeat(bytes));

        let open = String::from_utf8(file(700 * KIB).open()).unwrap();
        let kind = content_type();
        let held = begin(&host, &keys[0], "/files-echo/files", &kind, &open).await;
        let ask = async |key, bytes| post(&host.client, Some(key), file(bytes)).await;
        holds(&host, other, "hayrick_spool_bytes", 700 * KIB).await;
        refused(&ask(other, 400 * KIB).await, limit);
        assert_eq!(ask(other, KIB).await.status, 200, "a small file finds room");
        drop(held);
        succeeds("the bytes are given back", async || {
            ask(other, 900 * KIB).await
        })
        .await;
    }
}

#[tokio::test]
async fn a_long_request_for_a_pipeline_that_is_missing_is_refused_before_it_is_parsed() {
    let host = TestHost::builder().guest("echo-relay").start().await;
    let wrong = |model: &str, bytes: usize| {
        json!({"messages": 7, "padding": "x".repeat(bytes), "model": model}).to_string()
    };
    let ask = async |model: &str, bytes: usize| {
        host.client.send("POST", CHAT, &wrong(model, bytes)).await
    };
    let reply = ask("absent", 4 << 20).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (404, &json!("model_not_found")),
        "{reply:?}"
    );
    let reply = ask("echo-relay", 4 << 20).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["param"]),
        (400, &json!("messages")),
        "{reply:?}"
    );
    assert_eq!(
        host.client.send("POST", CHAT, &long(4 << 20)).await.status,
        200
    );
}
