//! Answers that are well, in every form a model server gives them.

use hayrick_services::llm::config::UpstreamConfig;
use hayrick_types::chunk::{Chunk, FinishReason, ToolCallDelta, Usage};
use hayrick_types::failure::FailureKind;
use hayrick_types::generation::Options;
use hayrick_types::settings::upstream::CacheSettings;

use crate::fixture::{
    MS, all_is_well, answer, assert_failure, drain, hello, over, raw, status, stream,
};
use crate::support::fake_upstream::texts::{event, last_events};
use crate::support::fake_upstream::{Behaviour, TOKENS, USAGE};
use crate::support::quiet::machine;

#[tokio::test]
async fn a_stream_and_a_document_are_read() {
    let _machine = machine(false).await;
    let (llm, upstream) = over(&[Behaviour::Ok, Behaviour::Document, Behaviour::Ok], |_| ()).await;
    assert_eq!(
        drain(stream(&llm).await.unwrap()).await,
        (all_is_well(), None)
    );
    let whole = [
        vec![Chunk::Text(TOKENS.concat())],
        all_is_well().split_off(TOKENS.len()),
    ]
    .concat();
    assert_eq!(drain(stream(&llm).await.unwrap()).await, (whole, None));
    let answer = answer(&llm).await.unwrap();
    assert_eq!(
        (answer.text, answer.finish),
        (TOKENS.concat(), FinishReason::Stop)
    );
    assert_eq!(
        answer.usage,
        Some(Usage {
            input_tokens: USAGE.0,
            output_tokens: USAGE.1,
            details: None,
        })
    );
    assert_eq!(
        upstream.counts().accepted,
        1,
        "answers read to their end share a connection"
    );
    let request = upstream.request().await;
    assert_eq!(request.path, "/v1/chat/completions");
    assert!(
        request.body.contains(r#""model":"fake-model""#)
            && request.body.contains(r#""include_usage":true"#),
        "{}",
        request.body
    );
    assert_eq!(llm.status()[0].active, 0);
}

#[tokio::test]
async fn tool_calls_and_reasoning_are_read_piece_by_piece() {
    let _machine = machine(false).await;
    let delta = |fields: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{{fields}}}}}]}}\r\n\r\n")
    };
    let pieces = [
        ": ping\r\n\r\n",
        &delta(r#""reasoning_content":"hm""#),
        &delta(
            r#""tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"sum","arguments":""}}]"#,
        ),
        &delta(r#""tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]"#),
        &delta(
            r#""tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"id":"c2","function":{"name":"now","arguments":"{}"}}]"#,
        ),
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":1}}\r\n\r\n",
    ];
    let (llm, _upstream) = over(&[raw(&pieces)], |_| ()).await;
    let (chunks, failure) = drain(stream(&llm).await.unwrap()).await;
    // The body ends without [DONE], which a finish reason makes good.
    assert_eq!((chunks.len(), failure), (7, None));
    let first = ToolCallDelta {
        index: 0,
        id: Some("c1".to_owned()),
        name: Some("sum".to_owned()),
        arguments: String::new(),
        fields: None,
    };
    assert_eq!(
        chunks[..2],
        [Chunk::Reasoning("hm".to_owned()), Chunk::ToolCall(first)]
    );
    let answer = answer(&llm).await.unwrap();
    let calls: Vec<_> = answer
        .tool_calls
        .iter()
        .map(|call| {
            (
                call.id.as_str(),
                call.name.as_str(),
                call.arguments.as_str(),
            )
        })
        .collect();
    assert_eq!(calls, [("c1", "sum", r#"{"a":1}"#), ("c2", "now", "{}")]);
    assert_eq!(
        (answer.reasoning.as_deref(), answer.finish),
        (Some("hm"), FinishReason::ToolCalls)
    );
}

#[tokio::test]
async fn a_slow_but_steady_answer_is_read() {
    let _machine = machine(false).await;
    let slow = Behaviour::Slow {
        chunks: 5,
        pause: 100 * MS,
    };
    let (llm, _upstream) = over(&[slow], |_| ()).await;
    assert_eq!(answer(&llm).await.unwrap().text, "tick ".repeat(5));
}

#[tokio::test]
async fn dropping_a_call_of_next_loses_nothing() {
    let _machine = machine(false).await;
    let (llm, _upstream) = over(
        &[Behaviour::Slow {
            chunks: 3,
            pause: 40 * MS,
        }],
        |_| (),
    )
    .await;
    let mut generation = stream(&llm).await.unwrap();
    let mut text = String::new();
    loop {
        let Ok(next) = tokio::time::timeout(7 * MS, generation.next()).await else {
            continue;
        };
        match next.unwrap() {
            Some(Chunk::Text(token)) => text.push_str(&token),
            Some(_) => {}
            None => break,
        }
    }
    assert_eq!(text, "tick tick tick ");
}

#[tokio::test]
async fn equal_requests_are_answered_from_the_cache() {
    let _machine = machine(false).await;
    let cached = |config: &mut UpstreamConfig| config.cache = Some(CacheSettings::default());
    let (llm, upstream) = over(&[Behaviour::Cut, Behaviour::Ok, status(500)], cached).await;
    answer(&llm).await.unwrap_err();
    assert_eq!(
        drain(stream(&llm).await.unwrap()).await,
        (all_is_well(), None)
    );
    assert_eq!(
        drain(stream(&llm).await.unwrap()).await,
        (all_is_well(), None)
    );
    assert_eq!(answer(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(upstream.requests().len(), 2);
    let other = Options {
        temperature: Some(0.5),
        ..Options::default()
    };
    assert_failure(
        &llm.generate(hello(), other).await.unwrap_err(),
        FailureKind::Unavailable,
        "500",
    );
}

#[tokio::test]
async fn embeddings_come_in_order_and_their_failures_are_passed_on() {
    let _machine = machine(false).await;
    let behaviours = [status(500), Behaviour::Ok, Behaviour::Document, status(429)];
    let (llm, upstream) = over(&behaviours, |config| config.settings.retries_max = 1).await;
    let texts = || vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(
        llm.embed(texts(), None, None).await.unwrap().vectors,
        [[0.0, 0.5], [1.0, 0.5]]
    );
    assert!(upstream.requests()[1].body.contains(r#""input":["a","b"]"#));
    assert_failure(
        &llm.embed(texts(), None, None).await.unwrap_err(),
        FailureKind::Failed,
        "an invalid response for the OpenAI API",
    );
    assert_failure(
        &llm.embed(texts(), None, None).await.unwrap_err(),
        FailureKind::Limit,
        "429",
    );
    assert_eq!(
        llm.embed(Vec::new(), None, None)
            .await
            .unwrap()
            .vectors
            .len(),
        0
    );
}

#[tokio::test]
async fn characters_split_by_the_network_are_read_whole() {
    let _machine = machine(false).await;
    let events = format!("{}{}", event("grüße 🌾"), last_events());
    let pieces: Vec<&str> = events.split_inclusive(['ü', 'd', '\n']).collect();
    let (llm, _upstream) = over(&[raw(&pieces)], |_| ()).await;
    assert_eq!(answer(&llm).await.unwrap().text, "grüße 🌾");
}

#[tokio::test]
async fn members_without_a_field_of_their_own_are_in_a_whole_answer() {
    let _machine = machine(false).await;
    let event = |choice: &str| format!("data: {{\"choices\":[{{\"index\":0,{choice}}}]}}\n\n");
    let pieces = [
        &*event(r#""delta":{"reasoning_details":[{"index":0,"type":"t","text":"h"}]}"#),
        &event(r#""delta":{"reasoning_details":[{"index":0,"type":"t","text":"m"}]}"#),
        &event(r#""delta":{"content":"a"},"logprobs":{"content":[1]}"#),
        &event(r#""delta":{"content":"b"},"logprobs":{"content":[2]}"#),
        &event(r#""delta":{},"finish_reason":"stop""#),
        "data: {\"citations\":[3],\"choices\":[]}\n\n",
    ];
    let (llm, _upstream) = over(&[raw(&pieces)], |_| ()).await;
    let answer = answer(&llm).await.unwrap();
    let found = [answer.message_fields, answer.choice_fields, answer.fields];
    let expected = [
        r#"{"reasoning_details":[{"index":0,"text":"hm","type":"t"}]}"#,
        r#"{"logprobs":{"content":[1,2]}}"#,
        r#"{"citations":[3]}"#,
    ];
    assert_eq!(found.map(Option::unwrap), expected);
}
