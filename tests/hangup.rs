//! When a client hangs up, the guest and the connection to the upstream end.

use std::time::Duration;

use crate::support::await_event::{SOON, within};
use crate::support::client::{Client, chat_body};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::TestHost;
use crate::support::raw_client::{RawClient, request};

/// From the hang-up of the client to the end of the upstream connection.
const HANG_UP_MAX: Duration = Duration::from_millis(100);
/// Far longer than a test, so only a hang-up can end it.
const ENDLESS: Behaviour = Behaviour::Slow {
    chunks: 100_000,
    pause: Duration::from_millis(20),
};

/// A host alone on the machine, with an upstream whose answers never end.
async fn endless(pipeline: &str) -> (FakeUpstream, TestHost) {
    let upstream = FakeUpstream::start(ENDLESS).await;
    let host = TestHost::builder()
        .guest(pipeline)
        .upstream(&upstream.base_url())
        .alone()
        .start()
        .await;
    (upstream, host)
}

/// Hangs up, and checks that the upstream is left at once and the run ends.
async fn leave(
    client: RawClient,
    host: &TestHost,
    upstream: &FakeUpstream,
    pipeline: &str,
    what: &str,
) {
    drop(client);
    let hung_up = host.stopwatch();
    within(
        "the upstream's connection is closed",
        SOON,
        upstream.connection_closed(),
    )
    .await;
    let took = hung_up.elapsed();
    assert!(
        took <= HANG_UP_MAX,
        "{pipeline} {what:?}: the upstream was left after {took:?}"
    );
    host.is_idle(pipeline).await;
}

/// Hangs up during a stream.
async fn hang_up(pipeline: &str, text: &str) {
    let (upstream, host) = endless(pipeline).await;
    let mut client = RawClient::stream(host.address(), pipeline, text).await;
    client.read_until("\"content\":\"").await;
    leave(client, &host, &upstream, pipeline, text).await;
}

/// Hangs up before a whole answer, having sent `after_body` behind the request.
async fn hang_up_on_a_whole_answer(after_body: &str) {
    let (upstream, host) = endless("echo-relay").await;
    let body = chat_body("echo-relay", "relay:hello").to_string();
    let request = request(host.address(), &body) + after_body;
    let client = RawClient::send(host.address(), &request).await;
    within("a request to the upstream", SOON, upstream.request()).await;
    leave(client, &host, &upstream, "echo-relay", after_body).await;
}

#[tokio::test]
async fn a_hang_up_ends_a_generation_relayed_token_by_token() {
    hang_up("echo-relay", "relay:hello").await;
}

#[tokio::test]
async fn a_hang_up_ends_a_generation_forwarded_by_the_host() {
    hang_up("echo-relay", "forward:hello").await;
}

#[tokio::test]
async fn a_hang_up_is_seen_behind_bytes_that_nobody_reads() {
    for after_body in ["\r\n", "\r\n\r\n", "GET /health/live HTTP/1.1\r\n"] {
        hang_up_on_a_whole_answer(after_body).await;
    }
}

#[tokio::test]
async fn a_hang_up_ends_a_guest_that_ignores_it() {
    hang_up("ignores-hangup", "hello").await;
}

#[tokio::test]
async fn a_hang_up_ends_an_answer_that_is_not_streamed() {
    hang_up_on_a_whole_answer("").await;
}

#[tokio::test]
async fn an_incomplete_request_does_not_block_others() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config("[server]\nheader_read_timeout = '300ms'")
        .start()
        .await;
    let client = RawClient::send(
        host.address(),
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-",
    )
    .await;
    // The host closes it, with or without an answer.
    client.read_to_end().await;
    // On a new connection, because one that was idle for so long is closed, too.
    let other = Client::new(&host.base_url());
    assert_eq!(other.chat("echo-relay", "echo:hi").await.text(), "hi");
}

/// A form that makes `files-script` fail after its first chunk.
const FAILING_FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\nfail\r\n\
                            --b\r\nContent-Disposition: form-data; name=\"files\"; \
                            filename=\"a\"\r\n\r\n1\r\n--b--\r\n";

#[tokio::test]
async fn an_answer_of_http_1_0_that_breaks_off_ends_with_a_reset() {
    let host = TestHost::builder().guest("files-script").start().await;
    let length = FAILING_FORM.len();
    for connection in ["close", "keep-alive"] {
        let request = format!(
            "POST /files-script/files HTTP/1.0\r\nConnection: {connection}\r\nContent-Type: \
             multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n{FAILING_FORM}"
        );
        let mut client = RawClient::send(host.address(), &request).await;
        client.read_until("so far").await;
        client.read_to_reset().await;
    }
    let whole = "GET /health/live HTTP/1.0\r\n\r\n";
    let answer = RawClient::send(host.address(), whole).await.read_to_end();
    assert!(
        answer.await.contains("200 OK"),
        "a whole answer is not reset"
    );
}
