//! Model servers that misbehave, and what the client sees.

use std::time::Duration;

use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::metrics::reached;

/// Short timeouts, so that the tests end soon.
const TIMES: &str =
    "first_token_timeout = '500ms'\nidle_timeout = '500ms'\nretries_max = 2\nbackoff_base = '10ms'";

/// A host whose only upstream answers like this, request by request; the last behaviour repeats.
async fn host_over(behaviours: impl Into<Vec<Behaviour>>) -> (TestHost, FakeUpstream) {
    let (builder, upstream) = over(behaviours).await;
    (builder.start().await, upstream)
}

/// The same host, with no other test running.
async fn host_alone_over(behaviours: impl Into<Vec<Behaviour>>) -> (TestHost, FakeUpstream) {
    let (builder, upstream) = over(behaviours).await;
    (builder.alone().start().await, upstream)
}

async fn over(behaviours: impl Into<Vec<Behaviour>>) -> (TestHostBuilder, FakeUpstream) {
    let upstream = FakeUpstream::start_sequence(behaviours.into()).await;
    let section = format!(
        "[upstreams.fake]\nbase_url = '{}'\nmodel = 'fake-model'\n{TIMES}",
        upstream.base_url()
    );
    let builder = TestHost::builder().guest("echo-relay").config(&section);
    (builder, upstream)
}

/// Checks how both kinds of answers end when the upstream fails after its first tokens.
async fn breaks_after_tokens(behaviour: Behaviour) {
    let (host, _upstream) = host_over([behaviour]).await;
    for way in ["relay:hello", "forward:hello"] {
        let mut stream = host.client.stream("echo-relay", way).await;
        assert!(!stream.next_text().await.text().is_empty());
        let error = stream.rest_error().await;
        assert!(
            error.contains("fake"),
            "the error does not name the upstream: {error}"
        );
    }
    let whole = host.client.chat("echo-relay", "relay:hello").await;
    assert!(
        (500..=504).contains(&whole.status),
        "{}: {}",
        whole.status,
        whole.body
    );
}

#[tokio::test]
async fn a_slow_but_steady_upstream_is_read() {
    let (host, _upstream) = host_alone_over([Behaviour::Slow {
        chunks: 5,
        pause: Duration::from_millis(200),
    }])
    .await;
    let start = host.stopwatch();
    let mut stream = host.client.stream("echo-relay", "relay:hello").await;
    stream.next_text().await;
    let first = start.elapsed();
    stream.rest_text().await;
    // Tokens are passed on as they arrive: the first arrives long before the last.
    assert!(
        start.elapsed() - first >= Duration::from_millis(500),
        "first token after {first:?} of {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_truncated_stream_is_an_error() {
    breaks_after_tokens(Behaviour::Cut).await;
}

#[tokio::test]
async fn half_an_event_is_an_error() {
    breaks_after_tokens(Behaviour::HalfEvent).await;
}

#[tokio::test]
async fn malformed_json_is_an_error() {
    breaks_after_tokens(Behaviour::Malformed).await;
}

#[tokio::test]
async fn an_event_of_ten_megabytes_is_an_error() {
    breaks_after_tokens(Behaviour::HugeEvent { bytes: 10 << 20 }).await;
}

#[tokio::test]
async fn an_upstream_that_stalls_mid_stream_times_out() {
    breaks_after_tokens(Behaviour::Stall).await;
}

#[tokio::test]
async fn a_429_is_retried_after_retry_after() {
    let (host, upstream) = host_alone_over([
        Behaviour::Status {
            code: 429,
            retry_after: Some(1),
        },
        Behaviour::Ok,
    ])
    .await;
    let start = host.stopwatch();
    assert_eq!(
        host.client.chat("echo-relay", "relay:hello").await.status,
        200
    );
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "Retry-After was not kept: {:?}",
        start.elapsed()
    );
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn a_500_is_retried_and_then_reported() {
    let (host, upstream) = host_over([Behaviour::Status {
        code: 500,
        retry_after: None,
    }])
    .await;
    let reply = host.client.chat("echo-relay", "relay:hello").await;
    assert!(
        [502, 503].contains(&reply.status),
        "{}: {}",
        reply.status,
        reply.body
    );
    assert!(reply.error().contains("500"), "{}", reply.body);
    assert_eq!(upstream.requests().len(), 3, "retries_max is 2");
}

#[tokio::test]
async fn an_upstream_that_never_answers_times_out() {
    let (host, _upstream) = host_alone_over([Behaviour::NeverAnswers]).await;
    let start = host.stopwatch();
    let reply = host.client.chat("echo-relay", "relay:hello").await;
    assert_eq!(reply.status, 504, "{}", reply.body);
    assert!(
        reply.error().contains("first_token_timeout"),
        "{}",
        reply.body
    );
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        start.elapsed()
    );
}

/// A host whose only upstream has this address and this setting.
async fn host_with(base_url: &str, setting: &str) -> TestHost {
    let section = format!(
        "[upstreams.fake]\nbase_url = '{base_url}'\nmodel = 'm'\nidle_timeout = '500ms'\nretries_max = 0\n{setting}"
    );
    TestHost::builder()
        .guest("echo-relay")
        .config(&section)
        .start()
        .await
}

#[tokio::test]
async fn each_limit_of_an_upstream_is_counted() {
    // The kernel accepts the connection, but nothing answers the TLS handshake.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = format!("https://{}/v1", silent.local_addr().unwrap());
    let ms = Duration::from_millis;
    let tokens = |chunks, pause| Behaviour::Slow { chunks, pause };
    let (never, halting, quick, huge) = (
        FakeUpstream::start(Behaviour::NeverAnswers).await,
        FakeUpstream::start(tokens(5, ms(2000))).await,
        FakeUpstream::start(tokens(2000, ms(1))).await,
        FakeUpstream::start(Behaviour::HugeEvent { bytes: 100_000 }).await,
    );
    for (limit, base_url, setting) in [
        (
            "upstreams.connect_timeout",
            tls,
            "connect_timeout = '300ms'",
        ),
        (
            "upstreams.first_token_timeout",
            never.base_url(),
            "first_token_timeout = '300ms'",
        ),
        ("upstreams.idle_timeout", halting.base_url(), ""),
        (
            "upstreams.event_bytes_max",
            huge.base_url(),
            "event_bytes_max = '1 KiB'",
        ),
        (
            "upstreams.answer_bytes_max",
            quick.base_url(),
            "answer_bytes_max = '1 KiB'",
        ),
    ] {
        let host = host_with(&base_url, setting).await;
        let reply = host.client.chat("echo-relay", "relay:hello").await;
        assert_eq!(reply.json()["error"]["param"], limit, "{}", reply.body);
        assert_eq!(reached(&host, limit, "echo-relay").await, 1, "{limit}");
    }
}

#[tokio::test]
async fn a_full_queue_of_an_upstream_is_counted() {
    let endless = FakeUpstream::start(Behaviour::Slow {
        chunks: 100_000,
        pause: Duration::from_millis(5),
    })
    .await;
    let host = host_with(&endless.base_url(), "concurrency_max = 1\nqueue_max = 0").await;
    let mut running = host.client.stream("echo-relay", "relay:hello").await;
    running.next_text().await;
    let reply = host.client.chat("echo-relay", "relay:hello").await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["param"]),
        (429, &"upstreams.queue_max".into()),
        "{}",
        reply.body
    );
    let limit = "upstreams.queue_max";
    assert_eq!(reached(&host, limit, "echo-relay").await, 1);
}

#[tokio::test]
async fn an_unreachable_upstream_is_named_in_the_error() {
    let section =
        format!("[upstreams.gone]\nbase_url = 'http://127.0.0.1:9/v1'\nmodel = 'm'\n{TIMES}");
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(&section)
        .start()
        .await;
    let reply = host.client.chat("echo-relay", "relay:hello").await;
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(reply.error().contains("gone"), "{}", reply.body);
}

#[tokio::test]
async fn the_api_key_is_sent_only_to_its_upstream() {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let builder = TestHost::builder()
        .guest("echo-relay")
        .guest("ambient")
        .upstream(&upstream.base_url());
    let host = builder
        .variable("OPENAI_API_KEY", "sk-very-secret")
        .start()
        .await;
    assert_eq!(
        host.client.chat("echo-relay", "relay:hello").await.status,
        200
    );
    assert!(
        upstream.requests()[0]
            .headers
            .contains("Bearer sk-very-secret")
    );
    assert!(
        !host
            .client
            .chat("ambient", "look")
            .await
            .body
            .contains("sk-very-secret")
    );
    assert!(
        !host
            .logs
            .lines()
            .iter()
            .any(|line| line.contains("sk-very-secret"))
    );
}
