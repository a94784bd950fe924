//! `POST /v1/embeddings`: by a plugin, by a public model, and what each of them may get wrong.

use serde_json::{Value, json};

use crate::support::client::Reply;
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::TestHost;
use crate::support::metrics::reached;

async fn embed(host: &TestHost, body: &Value) -> Reply {
    let path = "/v1/embeddings";
    host.client.send("POST", path, &body.to_string()).await
}

#[tokio::test]
async fn a_plugin_makes_a_vector_of_each_text() {
    let host = TestHost::builder().guest("embedder").start().await;
    let body = json!({"model": "embedder", "input": ["red apple", "stock market"]});
    let reply = embed(&host, &body).await;
    let list = reply.json();
    assert_eq!(
        (&list["object"], &list["model"]),
        (&json!("list"), &json!("embedder"))
    );
    let data = list["data"].as_array().unwrap();
    assert_eq!((data.len(), &data[1]["index"]), (2, &json!(1)));
    assert!(data[0]["embedding"].as_array().unwrap().len() > 10);
    // Nobody counted: about four characters are a token.
    assert_eq!(
        list["usage"],
        json!({"prompt_tokens": 6, "total_tokens": 6})
    );
    let one = embed(&host, &json!({"model": "embedder", "input": "red apple"}))
        .await
        .json();
    assert_eq!(one["data"][0]["embedding"], data[0]["embedding"]);
    let body = json!({"model": "embedder", "input": "body", "user": "me"});
    let sent = embed(&host, &body).await.json();
    assert_eq!(
        sent["data"][0]["embedding"],
        json!([body.to_string().len() as f64])
    );
    let base64 = json!({"model": "embedder", "input": "body", "encoding_format": "base64"});
    let sent = embed(&host, &base64).await.json();
    assert!(sent["data"][0]["embedding"].is_string(), "{sent}");
    let run = reply.header("x-hayrick-run").unwrap();
    let task = host
        .client
        .get(&format!("/embedder/tasks/{run}"))
        .await
        .json();
    assert_eq!(
        (&task["kind"], &task["status"]),
        (&json!("embeddings"), &json!("completed"))
    );
}

#[tokio::test]
async fn what_is_wrong_is_an_error_and_never_a_vector() {
    let host = TestHost::builder()
        .guest("embedder")
        .guest("echo-relay")
        .start()
        .await;
    let many = json!(vec!["a"; 2049]);
    for (model, input, status, words) in [
        ("embedder", many, 400, "embedding_texts_max"),
        ("embedder", json!("refuse"), 400, "not this one"),
        (
            "embedder",
            json!(["a", "forget"]),
            500,
            "1 vectors for 2 texts",
        ),
        ("embedder", json!("infinite"), 500, "not finite"),
        ("embedder", json!([[1, 2]]), 400, "texts instead of tokens"),
        ("echo-relay", json!("a"), 404, "makes no embeddings"),
        ("nobody", json!("a"), 404, "nobody"),
    ] {
        let reply = embed(&host, &json!({"model": model, "input": input})).await;
        assert_eq!(reply.status, status, "{input}: {}", reply.body);
        assert!(reply.error().contains(words), "{words}: {}", reply.body);
    }
    assert_eq!(reached(&host, "embedding_texts_max", "").await, 1);
}

#[tokio::test]
async fn a_public_model_makes_vectors_with_the_usage_of_its_upstream() {
    let answer = json!({"object": "list", "model": "m", "data": [
        {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
    ], "usage": {"prompt_tokens": 7, "total_tokens": 7}});
    let upstream = FakeUpstream::start(Behaviour::Raw {
        content_type: "application/json",
        pieces: vec![answer.to_string()],
    })
    .await;
    let section = format!(
        "[upstreams.vectors]\nbase_url = '{}'\nmodel = 'm'\npublic = true\n",
        upstream.base_url()
    );
    let host = TestHost::builder().config(&section).start().await;
    let body = json!({"model": "vectors", "input": "a", "dimensions": 2});
    let list = embed(&host, &body).await.json();
    assert_eq!(list["data"][0]["embedding"], json!([0.5, -1.0]), "{list}");
    assert_eq!(
        list["usage"],
        json!({"prompt_tokens": 7, "total_tokens": 7})
    );
    let sent: Value = serde_json::from_str(&upstream.request().await.body).unwrap();
    assert_eq!(
        (&sent["model"], &sent["dimensions"], &sent["input"]),
        (&json!("m"), &json!(2), &json!(["a"]))
    );
    // A vector too few.
    let reply = embed(&host, &json!({"model": "vectors", "input": ["a", "b"]})).await;
    assert!(
        reply.status >= 500 && reply.error().contains("vectors"),
        "{}",
        reply.body
    );
}
