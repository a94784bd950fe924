//! Models over a server that misbehaves on request, and what is expected of them.

use std::time::Duration;

use hayrick_services::llm::config::{LlmConfig, UpstreamConfig};
use hayrick_services::llm::generation::Generation;
use hayrick_services::llm::router::Llm;
use hayrick_types::chunk::{Chunk, FinishReason, Usage};
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::{Answer, Options};
use hayrick_types::message::{Message, Role};
use hayrick_types::settings::upstream::UpstreamSettings;

use crate::support::await_event::{SOON, within};
use crate::support::fake_upstream::{Behaviour, FakeUpstream, TOKENS, USAGE};

pub const MS: Duration = Duration::from_millis(1);

/// Short limits, so that what never comes is soon given up.
pub fn config(alias: &str, base_url: &str) -> UpstreamConfig {
    UpstreamConfig {
        settings: UpstreamSettings {
            first_token_timeout: 300 * MS,
            idle_timeout: 300 * MS,
            retries_max: 0,
            backoff_base: MS,
            event_bytes_max: 1 << 20,
            ..UpstreamSettings::default()
        },
        ..UpstreamConfig::new(alias, base_url, "fake-model")
    }
}

pub fn llm(upstreams: impl Into<Vec<UpstreamConfig>>) -> Llm {
    Llm::new(LlmConfig {
        upstreams: upstreams.into(),
        default: None,
    })
    .unwrap()
}

/// A server that answers like this, request by request, and the models over it.
pub async fn over(
    behaviours: &[Behaviour],
    change: impl FnOnce(&mut UpstreamConfig),
) -> (Llm, FakeUpstream) {
    let upstream = FakeUpstream::start_sequence(behaviours.to_vec()).await;
    let mut config = config("fake", &upstream.base_url());
    change(&mut config);
    (llm([config]), upstream)
}

pub fn hello() -> Vec<Message> {
    vec![Message::text(Role::User, "hello")]
}

pub async fn answer(llm: &Llm) -> Result<Answer, Failure> {
    within("an answer", SOON, llm.generate(hello(), Options::default())).await
}

pub async fn stream(llm: &Llm) -> Result<Generation, Failure> {
    within(
        "a stream",
        SOON,
        llm.generate_stream(hello(), Options::default()),
    )
    .await
}

/// All chunks up to the end or a failure.
pub async fn drain(mut generation: Generation) -> (Vec<Chunk>, Option<Failure>) {
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

pub fn texts(tokens: &[&str]) -> Vec<Chunk> {
    tokens
        .iter()
        .map(|token| Chunk::Text((*token).to_owned()))
        .collect()
}

/// The chunks of an answer that is well.
pub fn all_is_well() -> Vec<Chunk> {
    let (input_tokens, output_tokens) = USAGE;
    let mut chunks = texts(&TOKENS);
    chunks.extend([
        Chunk::Finish(FinishReason::Stop),
        Chunk::Usage(Usage {
            input_tokens,
            output_tokens,
            details: None,
        }),
    ]);
    chunks
}

pub fn status(code: u16) -> Behaviour {
    Behaviour::Status {
        code,
        retry_after: None,
    }
}

pub fn raw(pieces: &[&str]) -> Behaviour {
    Behaviour::Raw {
        content_type: "text/event-stream",
        pieces: pieces.iter().map(|piece| (*piece).to_owned()).collect(),
    }
}

pub fn assert_failure(failure: &Failure, kind: FailureKind, fragment: &str) {
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(
        failure.message.starts_with("upstream 'fake' ") && failure.message.contains(fragment),
        "not '{fragment}': {failure}"
    );
}

/// Streamed and whole, an answer that breaks after its tokens fails like this.
pub async fn breaks(behaviour: Behaviour, kind: FailureKind, fragment: &str) {
    let (llm, _upstream) = over(&[behaviour], |_| ()).await;
    let (chunks, failure) = drain(stream(&llm).await.unwrap()).await;
    assert_eq!(chunks, texts(&TOKENS));
    assert_failure(&failure.expect("the stream ended well"), kind, fragment);
    assert_failure(&answer(&llm).await.unwrap_err(), kind, fragment);
}

/// A request that is refused fails like this, after so many attempts.
pub async fn refused(
    behaviour: Behaviour,
    kind: FailureKind,
    fragment: &str,
    attempts: usize,
) -> Failure {
    let (llm, upstream) = over(&[behaviour], |config| config.settings.retries_max = 2).await;
    let failure = stream(&llm).await.err().expect("the request was accepted");
    assert_failure(&failure, kind, fragment);
    assert_eq!(upstream.requests().len(), attempts, "{failure}");
    failure
}
