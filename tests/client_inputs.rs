//! What clients send that is unusual and means something: read as it is meant, or refused with the
//! place and the cure.

use serde_json::{Value, json};

use crate::support::client::{Reply, chat_body};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::TestHost;
use crate::support::raw_client::RawClient;

const CHAT: &str = "/v1/chat/completions";

async fn host() -> TestHost {
    let host = TestHost::builder().guest("echo-relay").guest("job-worker");
    host.start().await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

async fn post(host: &TestHost, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
    Reply::read(host.client.request("POST", path, headers, body).await).await
}

fn chat(text: &str) -> Vec<u8> {
    chat_body("echo-relay", text).to_string().into_bytes()
}

#[tokio::test]
async fn a_compressed_body_is_read_within_the_limit_of_a_plain_one() {
    let host = host().await;
    let encoded = |name| {
        [
            ("content-encoding", name),
            ("content-type", "application/json"),
        ]
    };
    for name in ["gzip", "GZIP", "x-gzip"] {
        let reply = post(&host, CHAT, &encoded(name), gzip(&chat("echo:hi"))).await;
        assert_eq!(
            (reply.status, reply.text()),
            (200, "hi".to_owned()),
            "{name}"
        );
    }
    let job = br#"{"type": "echo", "data": 1}"#;
    let reply = post(&host, "/job-worker/jobs", &encoded("gzip"), gzip(job)).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let bomb = gzip(&vec![b' '; 200 << 20]);
    let reply = post(&host, CHAT, &encoded("gzip"), bomb).await;
    assert_eq!(reply.status, 413, "{}", reply.body);
    assert!(reply.error().contains("body_bytes_max"), "{}", reply.body);
    let mut cut = gzip(&chat("echo:hi"));
    cut.truncate(cut.len() - 6);
    for broken in [cut, chat("echo:hi")] {
        let reply = post(&host, CHAT, &encoded("gzip"), broken).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(
            reply.error().contains("cannot be decompressed"),
            "{}",
            reply.body
        );
    }
}

#[tokio::test]
async fn an_encoding_that_is_not_taken_is_refused_with_those_that_are() {
    let host = host().await;
    let cases = [
        (CHAT, "br"),
        (CHAT, "gzip, gzip"),
        ("/job-worker/jobs", "zstd"),
        ("/deploy/new", "gzip"),
    ];
    for (path, encoding) in cases {
        let headers = [("content-encoding", encoding)];
        let reply = post(&host, path, &headers, gzip(&chat("echo:hi"))).await;
        assert_eq!(reply.status, 415, "{path} {encoding}: {}", reply.body);
        assert_eq!(reply.header("accept-encoding"), Some("gzip, deflate"));
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_a_body() {
    let host = host().await;
    let marked = |body: &[u8]| [b"\xef\xbb\xbf", body].concat();
    let reply = post(&host, CHAT, &[], marked(&chat("body:"))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    // The plugin gets the document alone.
    assert!(reply.text().starts_with('{'), "{}", reply.body);
    let reply = post(
        &host,
        "/job-worker/jobs",
        &[],
        marked(br#"{"type":"echo"}"#),
    )
    .await;
    assert_eq!(reply.status, 202, "{}", reply.body);
}

#[tokio::test]
async fn slashes_that_mean_nothing_are_skipped() {
    let host = host().await;
    for path in [
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/v1/chat/completions/?x=1",
        "//chat/completions",
    ] {
        let reply = post(&host, path, &[], chat("echo:hi")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    }
    for path in [
        "/v1/models/",
        "/status/",
        "/job-worker/jobs/",
        "/health/ready/",
    ] {
        assert_eq!(host.client.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn one_answer_is_given_and_more_are_refused() {
    let host = host().await;
    let with = |n: Value| {
        let mut body = chat_body("echo-relay", "echo:hi");
        body["n"] = n;
        body
    };
    for n in [json!(1), json!(1.0), Value::Null] {
        assert_eq!(host.client.chat_with(&with(n)).await.status, 200);
    }
    for n in [
        json!(3),
        json!(0),
        json!(-1),
        json!("1"),
        json!(1.5),
        json!([1]),
    ] {
        let reply = host.client.chat_with(&with(n.clone())).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (400, &json!("n")),
            "{n}"
        );
    }
}

#[tokio::test]
async fn half_a_character_is_refused_with_its_place() {
    let host = host().await;
    let body = r#"{"model":"echo-relay","messages":[{"role":"user","content":"cut \ud83d"}]}"#;
    let reply = host.client.send("POST", CHAT, body).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["param"], "messages");
    let error = reply.error();
    assert!(
        error.contains("surrogate") && error.contains("column"),
        "{error}"
    );
}

#[tokio::test]
async fn routes_of_openai_that_are_not_served_are_named_as_such() {
    let host = host().await;
    for path in [
        "files",
        "responses",
        "audio/speech",
        "batches",
        "files/x/jobs",
    ] {
        for method in ["POST", "GET"] {
            let reply = host.client.send(method, &format!("/v1/{path}"), "{}").await;
            assert_eq!(reply.status, 404, "{path}: {}", reply.body);
            assert!(
                reply.error().contains("not served"),
                "{path}: {}",
                reply.body
            );
        }
    }
}

#[tokio::test]
async fn clients_are_told_when_trying_again_cannot_help() {
    let upstream = FakeUpstream::start(Behaviour::Status {
        code: 503,
        retry_after: None,
    });
    let upstream = upstream.await;
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("sleep-forever")
        .limits("wall_time_max = '1s'")
        .upstream(&upstream.base_url())
        .start()
        .await;
    let cases = [
        ("echo-relay", "fail:failed:broken", 500, Some("false")),
        ("echo-relay", "fail:unavailable:later", 503, None),
        ("echo-relay", "relay:x", 503, None),
        ("sleep-forever", "x", 504, Some("false")),
    ];
    for (model, text, status, expected) in cases {
        let reply = host.client.chat(model, text).await;
        let found = reply.header("x-should-retry");
        assert_eq!(
            (reply.status, found),
            (status, expected),
            "{text}: {}",
            reply.body
        );
    }
}

#[tokio::test]
async fn two_keys_of_one_submission_must_be_the_same() {
    let host = host().await;
    let body = |key: &str| {
        json!({"type": "echo", "idempotency_key": key})
            .to_string()
            .into_bytes()
    };
    let header = [("idempotency-key", "good")];
    for (key, status) in [("good", 202), ("other", 400), (&*"k".repeat(300), 400)] {
        let reply = post(&host, "/job-worker/jobs", &header, body(key)).await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
    let alone = post(&host, "/job-worker/jobs", &[], body(&"k".repeat(300))).await;
    assert_eq!(alone.status, 400, "{}", alone.body);
}

#[tokio::test]
async fn an_empty_credential_is_none() {
    let host = host().await;
    for (name, value) in [
        ("authorization", "Bearer "),
        ("authorization", "bearer"),
        ("authorization", ""),
        ("x-api-key", ""),
        ("authorization", "Basic Og=="),
    ] {
        for _ in 0..30 {
            let headers = [(name, value)];
            let reply = host.client.request("GET", "/v1/models", &headers, "").await;
            assert_eq!(reply.status(), 200, "{name}: {value}");
        }
    }
}

/// What the upstream got when a plugin relayed these messages.
async fn relayed(messages: Value) -> (Value, Value) {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let host = TestHost::builder()
        .guest("echo-relay")
        .upstream(&upstream.base_url());
    let host = host.start().await;
    let body = json!({"model": "echo-relay", "messages": messages});
    let reply = host.client.chat_with(&body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let sent: Value = serde_json::from_str(&upstream.request().await.body).unwrap();
    (sent["messages"].clone(), messages)
}

#[tokio::test]
async fn what_the_contract_has_no_place_for_travels_to_the_upstream() {
    let (sent, expected) = relayed(json!([
        {"role": "developer", "content": "be kind", "name": "boss"},
        {"role": "user", "content": [
            {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}, "x": [1]},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "AA=="}}
        ]},
        {"role": "assistant", "content": "so", "reasoning_content": "hm", "refusal": "no",
            "annotations": [{"type": "url_citation"}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "s"}}},
            {"id": "b", "type": "custom", "custom": {"name": "g", "input": "text"}}
        ]},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1", "x": 2}]},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        {"role": "user", "content": "relay:now"}
    ]))
    .await;
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn arguments_of_tools_become_text_whatever_the_client_sent() {
    let cases = [
        (json!({"x": 1}), "{\"x\":1}"),
        (json!("{}"), "{}"),
        (Value::Null, "{}"),
        (json!([1]), "[1]"),
        (json!(3), "3"),
    ];
    for (arguments, expected) in cases {
        let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let (sent, _) = relayed(json!([
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "user", "content": "relay:now"}
        ]))
        .await;
        assert_eq!(sent[0]["tool_calls"][0]["function"]["arguments"], expected);
    }
}

#[tokio::test]
async fn details_of_the_usage_and_of_tool_calls_travel_to_the_client() {
    let call = json!({"index": 0, "id": "a", "type": "function", "extra_content": {"s": 1},
        "function": {"name": "f", "arguments": "{}"}});
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3}, "cost": 0.25});
    let events = [
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
        json!({"choices": [], "usage": usage}),
    ];
    let upstream = FakeUpstream::start(Behaviour::Raw {
        content_type: "text/event-stream",
        pieces: events
            .iter()
            .map(|event| format!("data: {event}\n\n"))
            .collect(),
    });
    let upstream = upstream.await;
    let host = TestHost::builder()
        .guest("echo-relay")
        .upstream(&upstream.base_url());
    let host = host.start().await;
    for way in ["relay:x", "forward:x"] {
        let whole = host.client.chat("echo-relay", way).await.json();
        assert_eq!(whole["usage"], usage, "{way}");
        let found = &whole["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(found["extra_content"], json!({"s": 1}), "{way}: {whole}");
        let mut body = chat_body("echo-relay", way);
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        let streamed = host.client.chat_with(&body).await.body;
        for part in [
            "\"cached_tokens\":8",
            "\"reasoning_tokens\":3",
            "\"cost\":0.25",
            "\"extra_content\":{\"s\":1}",
        ] {
            assert!(streamed.contains(part), "{way}: {part}: {streamed}");
        }
    }
}

#[tokio::test]
async fn http_1_1_needs_one_host() {
    let host = TestHost::builder().start().await;
    let status = async |version: &str, headers: &str| {
        let request =
            format!("GET /health/live HTTP/{version}\r\n{headers}Connection: close\r\n\r\n");
        let client = RawClient::send(host.address(), &request).await;
        let reply = client.read_to_end().await;
        reply.split(' ').nth(1).unwrap().to_owned()
    };
    for headers in [
        "",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: a@localhost\r\n",
        "Host: local host\r\n",
        "Host: localhost/x\r\n",
    ] {
        assert_eq!(status("1.1", headers).await, "400", "{headers:?}");
    }
    for headers in ["Host: localhost\r\n", "Host: [::1]:80\r\n", "Host:\r\n"] {
        assert_eq!(status("1.1", headers).await, "200", "{headers:?}");
    }
    assert_eq!(status("1.0", "").await, "200");
}
