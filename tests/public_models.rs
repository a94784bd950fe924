//! Models that clients ask directly, by aliases that the operator made public.

use serde_json::{Value, json};

use crate::support::client::text_of;
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::{TestHost, TestHostBuilder};

const PUBLIC: &str = "public = true";

/// A host whose model `fast` is as `lines` say.
fn over(upstream: &FakeUpstream, lines: &str) -> TestHostBuilder {
    let section = format!(
        "[upstreams.fast]\nbase_url = '{}'\nmodel = 'm'\n{lines}\n",
        upstream.base_url()
    );
    TestHost::builder().config(&section)
}

async fn ids(host: &TestHost) -> Vec<String> {
    let list = host.client.get("/v1/models").await.json();
    let models = list["data"].as_array().unwrap().iter();
    models
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_public_alias_answers_like_a_pipeline_and_passes_everything_on() {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let host = over(&upstream, PUBLIC).guest("echo-relay").start().await;
    assert_eq!(ids(&host).await, ["echo-relay", "fast"]);
    let model = host.client.get("/v1/models/fast").await;
    assert_eq!(model.json()["object"], "model", "{}", model.body);

    let messages = json!([{"role": "user", "content": "hi", "name": "me"}]);
    let body = json!({"model": "fast", "messages": messages, "temperature": 0.5,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]});
    let reply = host.client.chat_with(&body).await;
    assert_eq!(reply.text(), "Hello from upstream");
    assert_eq!(reply.json()["model"], "fast");
    let sent: Value = serde_json::from_str(&upstream.request().await.body).unwrap();
    assert_eq!(sent["model"], "m");
    for name in ["messages", "temperature", "tools"] {
        assert_eq!(sent[name], body[name], "{name}: {sent}");
    }
    let frames = host.client.stream("fast", "hi").await.rest().await;
    assert!(frames.last().unwrap().is_done());
    assert_eq!(text_of(&frames), "Hello from upstream");

    let run = reply.header("x-hayrick-run").unwrap();
    let task = host.client.get(&format!("/fast/tasks/{run}")).await.json();
    assert_eq!(task["status"], "completed", "{task}");
    let metrics = host.client.get("/metrics").await.body;
    assert!(
        metrics.contains("hayrick_runs_started_total{pipeline=\"fast\"} 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_alias_that_is_not_public_is_no_model() {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let host = over(&upstream, "").start().await;
    assert!(ids(&host).await.is_empty());
    let reply = host.client.chat("fast", "hi").await;
    assert_eq!((reply.status, upstream.requests().len()), (404, 0));
}

#[tokio::test]
async fn a_pipeline_of_the_same_name_answers_first() {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let host = over(&upstream, PUBLIC)
        .guest_as("echo-relay", "fast")
        .start()
        .await;
    assert_eq!(ids(&host).await, ["fast"]);
    assert_eq!(host.client.chat("fast", "echo:me").await.text(), "me");
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn keys_and_the_policy_of_its_name_bound_a_public_model() {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let host = over(&upstream, &format!("{PUBLIC}\n[keys]\nrequired = true"))
        .guest("echo-relay")
        .policy("fast", "[models]\nday_tokens_max = 3")
        .start()
        .await;
    let chats_key = host.create_key(&["--scope", "admin"]).await.key;
    let mut chats = Vec::new();
    for pipeline in ["echo-relay", "fast"] {
        let key = host.create_key(&["--pipeline", pipeline]).await;
        let body =
            json!({"model": "fast", "messages": [{"role": "user", "content": "0123456789abcdef"}]});
        let path = "/v1/chat/completions";
        let reply = host.as_key(&key.key, "POST", path, &body.to_string()).await;
        chats.push(reply);
    }
    assert_eq!(chats[0].status, 403, "{}", chats[0].body);
    assert_eq!(chats[1].status, 429, "{}", chats[1].body);
    assert!(
        chats[1].body.contains("models.day_tokens_max"),
        "{}",
        chats[1].body
    );
    let metrics = host.as_key(&chats_key, "GET", "/metrics", "").await.body;
    let line = "hayrick_limit_reached_total{limit=\"models.day_tokens_max\",pipeline=\"fast\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn a_public_model_fails_as_its_upstream_does_and_within_the_time_of_a_run() {
    let upstream = FakeUpstream::start_sequence(vec![
        Behaviour::Refusal {
            code: 400,
            body: json!({"error": {"message": "no such tool"}}).to_string(),
        },
        Behaviour::NeverAToken,
    ])
    .await;
    let host = over(&upstream, &format!("{PUBLIC}\nretries_max = 0"))
        .limits("wall_time_max = '300ms'")
        .start()
        .await;
    let reply = host.client.chat("fast", "hi").await;
    assert_eq!(
        (reply.status, reply.error().contains("no such tool")),
        (400, true),
        "{}",
        reply.body
    );
    let reply = host.client.chat("fast", "hi").await;
    assert_eq!(reply.status, 504, "{}", reply.body);
    assert!(reply.error().contains("wall_time_max"), "{}", reply.body);
}
