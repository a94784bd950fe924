//! Each way a model server can misbehave, and the failure a guest gets for it.

use std::time::{Duration, Instant};

use hayrick_services::llm::config::{LlmConfig, UpstreamConfig};
use hayrick_services::llm::generation::Generation;
use hayrick_services::llm::router::Llm;
use hayrick_services::secret::Secret;
use hayrick_types::chunk::{Chunk, FinishReason, ToolCallDelta, Usage};
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::{Answer, Options};
use hayrick_types::message::{Message, Role};
use hayrick_types::settings::upstream::{CacheSettings, UpstreamSettings};

use crate::support::await_event::{SOON, eventually, within};
use crate::support::fake_upstream::{Behaviour, FakeUpstream, TOKENS, USAGE, event, last_events};

const MS: Duration = Duration::from_millis(1);

/// Short limits, so that what never comes is soon given up.
fn config(alias: &str, base_url: &str) -> UpstreamConfig {
    UpstreamConfig {
        settings: UpstreamSettings {
            first_token_timeout: 300 * MS,
            idle_timeout: 300 * MS,
            retries_max: 0,
            backoff_base: MS,
            ..UpstreamSettings::default()
        },
        ..UpstreamConfig::new(alias, base_url, "fake-model")
    }
}

fn llm(upstreams: impl Into<Vec<UpstreamConfig>>) -> Llm {
    Llm::new(LlmConfig {
        upstreams: upstreams.into(),
        default: None,
    })
    .unwrap()
}

/// A server that answers like this, request by request, and the models over it.
async fn over(
    behaviours: &[Behaviour],
    change: impl FnOnce(&mut UpstreamConfig),
) -> (Llm, FakeUpstream) {
    let upstream = FakeUpstream::start_sequence(behaviours.to_vec()).await;
    let mut config = config("fake", &upstream.base_url());
    change(&mut config);
    (llm([config]), upstream)
}

fn hello() -> Vec<Message> {
    vec![Message::text(Role::User, "hello")]
}

async fn ask(llm: &Llm) -> Result<Answer, Failure> {
    within("an answer", SOON, llm.generate(hello(), Options::default())).await
}

async fn stream(llm: &Llm) -> Result<Generation, Failure> {
    within(
        "a stream",
        SOON,
        llm.generate_stream(hello(), Options::default()),
    )
    .await
}

/// All chunks up to the end or a failure.
async fn drain(mut generation: Generation) -> (Vec<Chunk>, Option<Failure>) {
    let mut chunks = Vec::new();
    loop {
        match within("a chunk", SOON, generation.next()).await {
            Ok(Some(chunk)) => chunks.push(chunk),
            Ok(None) => return (chunks, None),
            Err(failure) => {
                assert_eq!(
                    generation.next().await,
                    Err(failure.clone()),
                    "a failure stays"
                );
                return (chunks, Some(failure));
            }
        }
    }
}

fn texts(tokens: &[&str]) -> Vec<Chunk> {
    tokens
        .iter()
        .map(|token| Chunk::Text((*token).to_owned()))
        .collect()
}

/// The chunks of an answer that is well.
fn all_is_well() -> Vec<Chunk> {
    let (input_tokens, output_tokens) = USAGE;
    let mut chunks = texts(&TOKENS);
    chunks.extend([
        Chunk::Finish(FinishReason::Stop),
        Chunk::Usage(Usage {
            input_tokens,
            output_tokens,
        }),
    ]);
    chunks
}

fn status(code: u16) -> Behaviour {
    Behaviour::Status {
        code,
        retry_after: None,
    }
}

fn raw(pieces: &[&str]) -> Behaviour {
    Behaviour::Raw {
        content_type: "text/event-stream",
        pieces: pieces.iter().map(|piece| (*piece).to_owned()).collect(),
    }
}

fn is(failure: &Failure, kind: FailureKind, words: &str) {
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(
        failure.message.starts_with("upstream 'fake' ") && failure.message.contains(words),
        "not '{words}': {failure}"
    );
}

/// Streamed and whole, an answer that breaks after its tokens fails like this.
async fn breaks(behaviour: Behaviour, kind: FailureKind, words: &str) {
    let (llm, _upstream) = over(&[behaviour], |_| ()).await;
    let (chunks, failure) = drain(stream(&llm).await.unwrap()).await;
    assert_eq!(chunks, texts(&TOKENS));
    is(&failure.expect("the stream ended well"), kind, words);
    is(&ask(&llm).await.unwrap_err(), kind, words);
}

/// A request that is refused fails like this, after so many attempts.
async fn refused(behaviour: Behaviour, kind: FailureKind, words: &str, attempts: usize) -> Failure {
    let (llm, upstream) = over(&[behaviour], |config| config.settings.retries_max = 2).await;
    let failure = stream(&llm).await.err().expect("the request was accepted");
    is(&failure, kind, words);
    assert_eq!(upstream.requests().len(), attempts, "{failure}");
    failure
}

#[tokio::test]
async fn a_stream_and_a_document_are_read() {
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
    let answer = ask(&llm).await.unwrap();
    assert_eq!(
        (answer.text, answer.finish),
        (TOKENS.concat(), FinishReason::Stop)
    );
    assert_eq!(
        answer.usage,
        Some(Usage {
            input_tokens: USAGE.0,
            output_tokens: USAGE.1
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
    };
    assert_eq!(
        chunks[..2],
        [Chunk::Reasoning("hm".to_owned()), Chunk::ToolCall(first)]
    );
    let answer = ask(&llm).await.unwrap();
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
async fn a_stream_that_is_cut() {
    for behaviour in [Behaviour::Cut, Behaviour::Unfinished, Behaviour::HalfEvent] {
        breaks(
            behaviour,
            FailureKind::Unavailable,
            "cut the answer before its end",
        )
        .await;
    }
}

#[tokio::test]
async fn an_event_that_is_no_json() {
    breaks(
        Behaviour::Malformed,
        FailureKind::Failed,
        "is no answer of OpenAI's API",
    )
    .await;
}

#[tokio::test]
async fn ten_megabytes_in_one_event() {
    let words = "an event of more than 1048576 bytes: raise its event_bytes_max";
    breaks(
        Behaviour::HugeEvent { bytes: 10 << 20 },
        FailureKind::Failed,
        words,
    )
    .await;
}

#[tokio::test]
async fn silence_in_the_middle() {
    breaks(
        Behaviour::Stall,
        FailureKind::Timeout,
        "fell silent for 300ms within its answer: try again, or raise its idle_timeout",
    )
    .await;
}

#[tokio::test]
async fn an_error_object_in_the_stream() {
    breaks(
        Behaviour::ErrorEvent { code: None },
        FailureKind::Failed,
        "in its answer; it says: the fake gave up",
    )
    .await;
    breaks(
        Behaviour::ErrorEvent { code: Some(503) },
        FailureKind::Unavailable,
        "the fake gave up",
    )
    .await;
}

#[tokio::test]
async fn an_answer_over_its_limit() {
    let (llm, _upstream) = over(&[Behaviour::Ok, Behaviour::Document], |config| {
        config.settings.answer_bytes_max = TOKENS[0].len()
    })
    .await;
    for expected in [texts(&TOKENS[..1]), Vec::new()] {
        let (chunks, failure) = drain(stream(&llm).await.unwrap()).await;
        assert_eq!(chunks, expected);
        is(
            &failure.unwrap(),
            FailureKind::Limit,
            "more than 5 bytes: ask for fewer tokens, or raise its answer_bytes_max",
        );
    }
}

#[tokio::test]
async fn nothing_at_all() {
    let failure = refused(
        Behaviour::NeverAnswers,
        FailureKind::Timeout,
        "sent no token within 300ms",
        1,
    )
    .await;
    assert!(failure.message.contains("first_token_timeout"), "{failure}");
}

#[tokio::test]
async fn a_status_and_never_a_token() {
    let (llm, _upstream) = over(&[Behaviour::NeverAToken], |_| ()).await;
    let (chunks, failure) = drain(stream(&llm).await.unwrap()).await;
    assert_eq!(chunks, []);
    is(
        &failure.unwrap(),
        FailureKind::Timeout,
        "first_token_timeout",
    );
}

#[tokio::test]
async fn slow_but_steady_is_well() {
    let slow = Behaviour::Slow {
        chunks: 5,
        pause: 100 * MS,
    };
    let (llm, _upstream) = over(&[slow], |_| ()).await;
    assert_eq!(ask(&llm).await.unwrap().text, "tick ".repeat(5));
}

#[tokio::test]
async fn refusals_by_status() {
    refused(
        status(400),
        FailureKind::InvalidInput,
        "refused the request with 400: change the messages or options; it says: the fake says 400",
        1,
    )
    .await;
    refused(
        status(422),
        FailureKind::InvalidInput,
        "change the messages or options; it says: the fake says 422",
        1,
    )
    .await;
    refused(
        status(404),
        FailureKind::NotFound,
        "check its model and base_url; it says: the fake says 404",
        1,
    )
    .await;
    refused(status(302), FailureKind::Failed, "correct its base_url", 1).await;
    refused(
        status(500),
        FailureKind::Unavailable,
        "failed with 500: try again later; it says: the fake says 500",
        3,
    )
    .await;
    let page = Behaviour::Raw {
        content_type: "text/html; charset=utf-8",
        pieces: vec!["<html>".to_owned()],
    };
    refused(
        page,
        FailureKind::Failed,
        "answers with text/html; charset=utf-8, not with a model's answer: check its base_url",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_key_is_sent_and_never_told() {
    let quote = |key: &str| format!("data: {{\"error\":{{\"message\":\"bad key {key}\"}}}}\n\n");
    let behaviours = [status(401), status(403), raw(&[&quote("sk-secret")])];
    let (llm, upstream) = over(&behaviours, |config| {
        config.api_key = Some(Secret::new("sk-secret".to_owned()))
    })
    .await;
    for words in [
        "refuses the host's key (401): the operator should check its api_key",
        "(403)",
        "it says: bad key [key]",
    ] {
        is(&ask(&llm).await.unwrap_err(), FailureKind::Failed, words);
    }
    assert!(
        upstream
            .request()
            .await
            .headers
            .contains("Bearer sk-secret")
    );
}

#[tokio::test]
async fn a_429_with_retry_after_is_waited_for() {
    let busy = Behaviour::Status {
        code: 429,
        retry_after: Some(1),
    };
    let (llm, upstream) = over(&[busy, Behaviour::Ok], |config| {
        config.settings.retries_max = 1
    })
    .await;
    let start = Instant::now();
    assert_eq!(ask(&llm).await.unwrap().text, TOKENS.concat());
    assert!(
        start.elapsed() >= 1000 * MS,
        "Retry-After was not kept: {:?}",
        start.elapsed()
    );
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn a_retry_after_over_the_cap_is_told_instead() {
    let failure = refused(
        Behaviour::Status {
            code: 429,
            retry_after: Some(60),
        },
        FailureKind::Limit,
        "(429)",
        1,
    )
    .await;
    assert_eq!(failure.retry_after, Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let (llm, upstream) = over(&[status(500), Behaviour::HangUp, Behaviour::Ok], |config| {
        config.settings.retries_max = 2
    })
    .await;
    assert_eq!(ask(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn after_the_first_token_nothing_is_tried_again() {
    let (llm, upstream) = over(&[Behaviour::Cut, Behaviour::Ok], |config| {
        config.settings.retries_max = 2
    })
    .await;
    ask(&llm).await.unwrap_err();
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn before_the_first_token_a_whole_answer_is_tried_again() {
    let overloaded = raw(&["data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"]);
    let (llm, upstream) = over(&[overloaded, raw(&[""]), Behaviour::Ok], |config| {
        config.settings.retries_max = 2
    })
    .await;
    assert_eq!(ask(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn an_upstream_that_hangs_up_or_is_not_there() {
    refused(
        Behaviour::HangUp,
        FailureKind::Unavailable,
        "closed the connection before it answered",
        3,
    )
    .await;
    // Nobody listens on the discard port.
    let failure = ask(&llm([config("fake", "http://127.0.0.1:9/v1")]))
        .await
        .unwrap_err();
    is(
        &failure,
        FailureKind::Unavailable,
        "cannot be reached (connection refused): check its base_url and that it runs",
    );
    assert!(
        !failure.message.contains("127.0.0.1"),
        "guests are not told addresses: {failure}"
    );
    let failure = ask(&llm([config("fake", "http://no-such-host.invalid/v1")]))
        .await
        .unwrap_err();
    is(
        &failure,
        FailureKind::Unavailable,
        "cannot be reached (its name is not known)",
    );
}

#[tokio::test]
async fn fallbacks_are_asked_in_order() {
    let (broken, well) = (
        FakeUpstream::start(status(500)).await,
        FakeUpstream::start(Behaviour::Ok).await,
    );
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut first = config("fake", &broken.base_url());
    first.settings.fallbacks = named(&["second", "third"]);
    first.settings.breaker_failures = 1;
    let second = config("second", &broken.base_url());
    let llm = llm([first, second, config("third", &well.base_url())]);
    assert_eq!(ask(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!((broken.requests().len(), well.requests().len()), (2, 1));
    // With its breaker open the first one is passed over at once.
    assert_eq!(llm.status()[0].breaker, "open");
    assert_eq!(ask(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!((broken.requests().len(), well.requests().len()), (3, 2));
}

#[tokio::test]
async fn when_all_fail_all_are_named_and_a_wrong_request_is_not_passed_on() {
    let (broken, strict) = (
        FakeUpstream::start(status(503)).await,
        FakeUpstream::start(status(400)).await,
    );
    let mut first = config("fake", &broken.base_url());
    first.settings.fallbacks = vec!["strict".to_owned()];
    let mut second = config("strict", &strict.base_url());
    second.settings.fallbacks = vec!["fake".to_owned()];
    let llm = llm([first, second]);
    is(
        &ask(&llm).await.unwrap_err(),
        FailureKind::Unavailable,
        "; then upstream 'strict' refused the request with 400",
    );
    let options = Options {
        model: Some("strict".to_owned()),
        ..Options::default()
    };
    assert_eq!(
        llm.generate(hello(), options).await.unwrap_err().kind,
        FailureKind::InvalidInput
    );
    assert_eq!((broken.requests().len(), strict.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_breaker_opens_and_a_trial_closes_it() {
    let (llm, upstream) = over(&[status(500), status(500), Behaviour::Ok], |config| {
        (
            config.settings.breaker_failures,
            config.settings.breaker_open,
        ) = (2, 200 * MS);
    })
    .await;
    for _ in 0..2 {
        is(
            &ask(&llm).await.unwrap_err(),
            FailureKind::Unavailable,
            "500",
        );
    }
    let failure = ask(&llm).await.unwrap_err();
    is(
        &failure,
        FailureKind::Unavailable,
        "failed several times in a row and is left alone",
    );
    assert_eq!(
        (upstream.requests().len(), llm.status()[0].breaker),
        (2, "open")
    );
    assert!(
        failure.retry_after.is_some_and(|rest| rest <= 200 * MS),
        "{:?}",
        failure.retry_after
    );
    eventually("the breaker is half-open", SOON, async || {
        (llm.status()[0].breaker == "half-open").then_some(())
    })
    .await;
    assert_eq!(ask(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(llm.status()[0].breaker, "closed");
}

#[tokio::test]
async fn places_are_bounded_and_so_is_the_queue() {
    let (llm, upstream) = over(&[Behaviour::Stall, Behaviour::Ok], |config| {
        (
            config.settings.concurrency_max,
            config.settings.queue_max,
            config.settings.idle_timeout,
        ) = (1, 1, SOON);
    })
    .await;
    let holder = stream(&llm).await.unwrap();
    let waiting = ask(&llm);
    let asked = async {
        // The first one waits by now: join! polls in order.
        let failure = ask(&llm).await.unwrap_err();
        is(
            &failure,
            FailureKind::Limit,
            "has 1 requests running and 1 waiting: try again later, or raise its concurrency_max or queue_max",
        );
        assert_eq!(failure.retry_after, Some(Duration::from_secs(1)));
        assert_eq!((upstream.requests().len(), llm.status()[0].active), (1, 1));
        drop(holder);
    };
    let (answer, ()) = tokio::join!(biased; waiting, asked);
    assert_eq!(answer.unwrap().text, TOKENS.concat());
}

#[tokio::test]
async fn dropping_a_generation_closes_its_connection_at_once() {
    let endless = Behaviour::Slow {
        chunks: 100_000,
        pause: 5 * MS,
    };
    let (llm, upstream) = over(&[endless], |_| ()).await;
    let mut generation = stream(&llm).await.unwrap();
    generation.next().await.unwrap();
    assert_eq!(llm.status()[0].active, 1);
    drop(generation);
    assert_eq!(llm.status()[0].active, 0);
    let start = Instant::now();
    within(
        "the connection is closed",
        SOON,
        upstream.connection_closed(),
    )
    .await;
    assert!(start.elapsed() < 100 * MS, "{:?}", start.elapsed());
}

#[tokio::test]
async fn dropping_a_call_that_waits_for_a_status_closes_its_connection_too() {
    let (llm, upstream) = over(&[Behaviour::NeverAnswers], |config| {
        config.settings.first_token_timeout = SOON
    })
    .await;
    tokio::select! {
        _ = llm.generate(hello(), Options::default()) => panic!("it never answers"),
        _ = upstream.request() => {}
    }
    within(
        "the connection is closed",
        SOON,
        upstream.connection_closed(),
    )
    .await;
    assert_eq!(llm.status()[0].active, 0);
}

#[tokio::test]
async fn a_next_that_is_dropped_loses_nothing() {
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
    let cached = |config: &mut UpstreamConfig| config.cache = Some(CacheSettings::default());
    let (llm, upstream) = over(&[Behaviour::Cut, Behaviour::Ok, status(500)], cached).await;
    ask(&llm).await.unwrap_err();
    assert_eq!(
        drain(stream(&llm).await.unwrap()).await,
        (all_is_well(), None)
    );
    assert_eq!(
        drain(stream(&llm).await.unwrap()).await,
        (all_is_well(), None)
    );
    assert_eq!(ask(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(upstream.requests().len(), 2);
    let other = Options {
        temperature: Some(0.5),
        ..Options::default()
    };
    is(
        &llm.generate(hello(), other).await.unwrap_err(),
        FailureKind::Unavailable,
        "500",
    );
}

#[tokio::test]
async fn vectors_come_in_order_and_their_failures_are_told() {
    let behaviours = [status(500), Behaviour::Ok, Behaviour::Document, status(429)];
    let (llm, upstream) = over(&behaviours, |config| config.settings.retries_max = 1).await;
    let texts = || vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(
        llm.embed(texts(), None).await.unwrap(),
        [[0.0, 0.5], [1.0, 0.5]]
    );
    assert!(upstream.requests()[1].body.contains(r#""input":["a","b"]"#));
    is(
        &llm.embed(texts(), None).await.unwrap_err(),
        FailureKind::Failed,
        "is no answer of OpenAI's API",
    );
    is(
        &llm.embed(texts(), None).await.unwrap_err(),
        FailureKind::Limit,
        "429",
    );
    assert_eq!(llm.embed(Vec::new(), None).await.unwrap().len(), 0);
}

#[tokio::test]
async fn characters_that_the_network_cuts_are_whole() {
    let events = format!("{}{}", event("grüße 🌾"), last_events());
    let pieces: Vec<&str> = events.split_inclusive(['ü', 'd', '\n']).collect();
    let (llm, _upstream) = over(&[raw(&pieces)], |_| ()).await;
    assert_eq!(ask(&llm).await.unwrap().text, "grüße 🌾");
}
