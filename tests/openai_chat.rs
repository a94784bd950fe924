//! The OpenAI surface, plain and streamed, and each of its errors.

use serde_json::{Value, json};

use crate::support::client::{Frame, chat_body, stream_body, text_of};
use crate::support::host::TestHost;

async fn echo_host() -> TestHost {
    TestHost::builder().guest("echo-relay").start().await
}

#[tokio::test]
async fn a_whole_answer_has_the_shape_openai_defines() {
    let host = echo_host().await;
    let reply = host.client.chat("echo-relay", "echo:Hello, Wörld!").await;
    let answer = reply.json();
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, "Hello, Wörld!")
    );
    assert_eq!(
        (&answer["object"], &answer["model"]),
        (&json!("chat.completion"), &json!("echo-relay"))
    );
    assert!(
        answer["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("chatcmpl-")),
        "{answer}"
    );
    assert!(
        answer["created"]
            .as_u64()
            .is_some_and(|seconds| seconds > 1_600_000_000),
        "{answer}"
    );
    let choice = &answer["choices"][0];
    assert_eq!(
        (
            &choice["index"],
            &choice["finish_reason"],
            &choice["message"]["role"]
        ),
        (&json!(0), &json!("stop"), &json!("assistant"))
    );
}

#[tokio::test]
async fn a_stream_has_the_shape_openai_defines() {
    let host = echo_host().await;
    for text in [
        "echo:one two three",
        "relay:Hello",
        "forward:Hello",
        "echo:ünï\ncode \u{1f33e}",
    ] {
        let whole = host.client.chat("echo-relay", text).await.text();
        let mut stream = host.client.stream("echo-relay", text).await;
        assert!(
            stream.headers.contains_key("x-request-id"),
            "{:?}",
            stream.headers
        );
        let frames = stream.rest().await;
        assert_eq!(text_of(&frames), whole, "{text}");
        check_frames(&frames);
    }
}

fn check_frames(frames: &[Frame]) {
    let [first, .., last_but_one, last] = frames else {
        panic!("too few frames: {frames:?}")
    };
    assert!(last.is_done(), "{last:?}");
    assert_eq!(first.json["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(last_but_one.json["choices"][0]["finish_reason"], "stop");
    for frame in frames.iter().filter(|frame| !frame.is_done()) {
        assert_eq!(
            (&frame.json["id"], &frame.json["object"]),
            (&first.json["id"], &json!("chat.completion.chunk"))
        );
        assert!(
            frame.json.get("usage").is_none_or(Value::is_null),
            "usage that was not requested: {frame:?}"
        );
    }
}

#[tokio::test]
async fn usage_is_in_whole_answers_and_on_request_in_streams() {
    let host = echo_host().await;
    let whole = host.client.chat("echo-relay", "relay:Hello").await.json()["usage"].clone();
    assert!(whole["completion_tokens"].as_u64() > Some(0), "{whole}");
    let sum =
        whole["prompt_tokens"].as_u64().unwrap() + whole["completion_tokens"].as_u64().unwrap();
    assert_eq!(whole["total_tokens"].as_u64(), Some(sum));

    let mut body = stream_body("echo-relay", "relay:Hello");
    body["stream_options"] = json!({"include_usage": true});
    let frames = host.client.stream_with(&body).await.rest().await;
    let [.., with_usage, done] = frames.as_slice() else {
        panic!("too few frames")
    };
    assert!(done.is_done());
    assert_eq!(
        (&with_usage.json["usage"], &with_usage.json["choices"]),
        (&whole, &json!([]))
    );
}

#[tokio::test]
async fn without_an_upstream_the_built_in_model_introduces_itself() {
    let host = echo_host().await;
    let text = host
        .client
        .chat("echo-relay", "relay:do you hear me?")
        .await
        .text();
    assert!(
        text.contains("built-in model") && text.contains("do you hear me?"),
        "{text}"
    );
}

#[tokio::test]
async fn the_plugin_receives_the_whole_request() {
    let host = echo_host().await;
    let mut body = chat_body("echo-relay", "body:");
    body["temperature"] = json!(0.25);
    body["my_own_field"] = json!({"deep": [1, null, "x"]});
    let seen: Value = serde_json::from_str(&host.client.chat_with(&body).await.text()).unwrap();
    assert_eq!(seen, body);
}

#[tokio::test]
async fn models_are_listed_with_and_without_v1() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest_as("echo-relay", "second")
        .guest("no-lifecycle")
        .start()
        .await;
    for prefix in ["", "/v1"] {
        let list = host.client.get(&format!("{prefix}/models")).await.json();
        let ids: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["id"].as_str().unwrap())
            .collect();
        assert_eq!(
            (&list["object"], ids),
            (&json!("list"), vec!["echo-relay", "second"])
        );
        let one = host
            .client
            .get(&format!("{prefix}/models/second"))
            .await
            .json();
        assert_eq!(
            (&one["id"], &one["object"]),
            (&json!("second"), &json!("model"))
        );
        assert_eq!(
            host.client
                .get(&format!("{prefix}/models/absent"))
                .await
                .status,
            404
        );
        let reply = host
            .client
            .send(
                "POST",
                &format!("{prefix}/chat/completions"),
                &chat_body("second", "echo:hi").to_string(),
            )
            .await;
        assert_eq!(reply.text(), "hi");
    }
}

#[tokio::test]
async fn errors_use_the_openai_error_object() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("no-lifecycle")
        .start()
        .await;
    let chat = "/v1/chat/completions";
    let cases = [
        ("POST", chat, "{\"model\": ", 400, "JSON"),
        ("POST", chat, "[]", 400, ""),
        ("POST", chat, r#"{"messages": []}"#, 400, "model"),
        ("POST", chat, r#"{"model": "echo-relay"}"#, 400, "messages"),
        (
            "POST",
            chat,
            r#"{"model": "echo-relay", "messages": "hi"}"#,
            400,
            "messages",
        ),
        (
            "POST",
            chat,
            r#"{"model": 7, "messages": []}"#,
            400,
            "model",
        ),
        (
            "POST",
            chat,
            &chat_body("absent", "hi").to_string(),
            404,
            "absent",
        ),
        (
            "POST",
            chat,
            &chat_body("no-lifecycle", "hi").to_string(),
            503,
            "no-lifecycle",
        ),
        ("GET", chat, "", 405, ""),
        ("DELETE", "/v1/models", "", 405, ""),
        ("GET", "/v1/nothing-here", "", 404, ""),
        ("GET", "/status/absent", "", 404, "absent"),
    ];
    for (method, path, body, status, fragment) in cases {
        let reply = host.client.send(method, path, body).await;
        assert_eq!(
            reply.status, status,
            "{method} {path} {body}: {}",
            reply.body
        );
        assert!(
            reply.error().contains(fragment),
            "{method} {path} {body}: {}",
            reply.body
        );
        assert!(reply.json()["error"]["type"].is_string(), "{}", reply.body);
        assert!(
            reply.header("x-request-id").is_some(),
            "{method} {path}: no request id"
        );
    }
    assert_eq!(
        host.client
            .chat("echo-relay", "echo:still here")
            .await
            .text(),
        "still here"
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config("[server]\nbody_bytes_max = '64 KiB'")
        .start()
        .await;
    let reply = host.client.chat("echo-relay", &"x".repeat(65 << 10)).await;
    assert_eq!(reply.status, 413, "{}", reply.body);
    assert!(reply.error().contains("body_bytes_max"), "{}", reply.body);
    assert_eq!(
        host.client
            .chat("echo-relay", &format!("echo:{}", "x".repeat(60 << 10)))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn each_kind_of_failure_has_its_status() {
    let host = echo_host().await;
    let kinds = [
        ("invalid-input", 400),
        ("not-found", 404),
        ("denied", 403),
        ("unavailable", 503),
        ("timeout", 504),
        ("limit", 429),
        ("failed", 500),
    ];
    for (kind, status) in kinds {
        let reply = host
            .client
            .chat("echo-relay", &format!("fail:{kind}:because of {kind}"))
            .await;
        assert_eq!(reply.status, status, "{kind}: {}", reply.body);
        assert!(
            reply.error().contains(&format!("because of {kind}")),
            "{}",
            reply.body
        );
        // Nothing was streamed yet, so a streamed request gets the same status.
        let streamed = host
            .client
            .chat_with(&stream_body("echo-relay", &format!("fail:{kind}:x")))
            .await;
        assert_eq!(streamed.status, status, "{kind}: {}", streamed.body);
    }
}

#[tokio::test]
async fn an_error_after_the_first_chunk_is_sent_as_a_frame() {
    let host = TestHost::builder()
        .guest("panic-after-first-chunk")
        .start()
        .await;
    let mut stream = host.client.stream("panic-after-first-chunk", "hi").await;
    stream.next_text().await;
    let error = stream.rest_error().await;
    assert!(
        error.contains("panicked") && error.contains("run "),
        "{error}"
    );
    let whole = host.client.chat("panic-after-first-chunk", "hi").await;
    assert_eq!(whole.status, 500, "{}", whole.body);
}

#[tokio::test]
async fn health_serves_probes_and_status_serves_people() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("no-lifecycle")
        .start()
        .await;
    assert_eq!(host.client.get("/health/live").await.status, 200);
    assert_eq!(host.client.get("/health/ready").await.status, 200);
    let status = host.client.get("/status").await.json();
    let states: Vec<&str> = status["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["ready", "failed"]);
    assert_eq!(status["pipelines"], json!(["echo-relay"]));
    let one = host.client.status("echo-relay").await.unwrap();
    assert_eq!(
        (&one["name"], &one["version"]["number"], &one["active_runs"]),
        (&json!("echo-relay"), &json!(1), &json!(0))
    );
    assert_eq!(one["version"]["digest"].as_str().map(str::len), Some(64));
}
