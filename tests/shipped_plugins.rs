//! The plugins that come with the project and need no suite of their own.

use serde_json::{Value, json};

use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::TestHost;

#[tokio::test]
async fn passthrough_hands_a_chat_to_the_model_and_everything_back() {
    let answer = json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant", "content": "so", "reasoning_content": "hm",
                "reasoning_details": [{"type": "reasoning.encrypted", "data": "AA"}],
                "tool_calls": [{"id": "a", "type": "function",
                    "function": {"name": "f", "arguments": "{}"}, "extra_content": {"s": 1}}],
            },
            "logprobs": {"content": [{"token": "so", "logprob": -1}]},
            "finish_reason": "tool_calls",
        }],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13,
            "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 3}},
    });
    let upstream = FakeUpstream::start(Behaviour::Raw {
        content_type: "application/json",
        pieces: vec![answer.to_string()],
    })
    .await;
    let host = TestHost::builder()
        .plugin("passthrough")
        .upstream(&upstream.base_url())
        .start()
        .await;
    let messages = json!([
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}}
        ]},
        {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]);
    let tools =
        json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": {}}}]);
    let body = json!({
        "model": "passthrough", "messages": messages, "tools": tools, "tool_choice": "required",
        "temperature": 0.5, "max_completion_tokens": 7, "parallel_tool_calls": false, "stream": false,
    });
    let reply = host.client.chat_with(&body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);

    let sent: Value = serde_json::from_str(&upstream.request().await.body).unwrap();
    for name in [
        "messages",
        "tools",
        "tool_choice",
        "temperature",
        "max_completion_tokens",
        "parallel_tool_calls",
    ] {
        assert_eq!(sent[name], body[name], "{name}: {sent}");
    }
    assert_ne!(sent["model"], "passthrough");

    let (found, expected) = (reply.json(), &answer["choices"][0]);
    let found_choice = &found["choices"][0];
    let message = expected["message"].as_object().unwrap();
    for (name, value) in message {
        assert_eq!(&found_choice["message"][name], value, "{name}: {found}");
    }
    for name in ["logprobs", "finish_reason"] {
        assert_eq!(found_choice[name], expected[name], "{name}: {found}");
    }
    assert_eq!(found["usage"], answer["usage"]);
}

#[tokio::test]
async fn passthrough_asks_the_alias_that_the_operator_names() {
    let (one, two) = (
        FakeUpstream::start(Behaviour::Ok).await,
        FakeUpstream::start(Behaviour::Ok).await,
    );
    let section = |name: &str, upstream: &FakeUpstream| {
        format!(
            "[upstreams.{name}]\nbase_url = '{}'\nmodel = 'm'\n",
            upstream.base_url()
        )
    };
    let host = TestHost::builder()
        .plugin("passthrough")
        .policy("passthrough", "[config]\nmodel = 'two'")
        .top(&format!(
            "default_upstream = 'one'\n{}{}",
            section("one", &one),
            section("two", &two)
        ))
        .start()
        .await;
    assert_eq!(
        host.client.chat("passthrough", "hi").await.text(),
        "Hello from upstream"
    );
    assert_eq!((one.requests().len(), two.requests().len()), (0, 1));
}

#[tokio::test]
async fn summarizer_answers_by_its_schema() {
    let host = TestHost::builder().plugin("summarizer").start().await;
    let reply = host
        .client
        .send("POST", "/summarizer/run", r#"{"text": "a long text"}"#)
        .await;
    let summary = reply.json()["result"]["summary"].to_string();
    assert!(summary.contains("in about 50 words"), "{}", reply.body);
    let reply = host
        .client
        .send("POST", "/summarizer/run", r#"{"text": "", "words": 4}"#)
        .await;
    assert_eq!(reply.status, 422);
    assert_eq!(
        reply.json()["detail"].as_array().unwrap().len(),
        2,
        "{}",
        reply.body
    );
}
