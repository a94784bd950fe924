//! Many connections at one moment.

use futures_util::future::{join_all, try_join_all};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

use crate::support::await_event::{SOON, within};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::TestHost;
use crate::support::raw_client::RawClient;

/// Many more than the queue of 128 that most libraries ask for, and fewer than the 4096 that Linux
/// allows by default.
const BURST: usize = 1000;

#[tokio::test]
async fn a_burst_of_connections_waits_in_the_queue() {
    let host = TestHost::builder().alone().start().await;
    let process = i32::try_from(host.pid()).ok().and_then(Pid::from_raw);
    let process = process.unwrap();
    // It accepts nothing meanwhile, however fast it is.
    kill_process(process, Signal::STOP).unwrap();
    let connecting = (0..BURST).map(|_| TcpStream::connect(host.address()));
    let connected = within("all connections", SOON, try_join_all(connecting)).await;
    kill_process(process, Signal::CONT).unwrap();
    assert_eq!(connected.unwrap().len(), BURST);
    let request = "GET /health/live HTTP/1.0\r\n\r\n";
    let answer = RawClient::send(host.address(), request).await.read_to_end();
    assert!(answer.await.contains("200 OK"));
}

#[tokio::test]
async fn a_thousand_clients_wait_only_for_the_upstream() {
    // It answers nobody before it has been asked by all.
    let upstream = FakeUpstream::start(Behaviour::Together { requests: BURST }).await;
    let host = TestHost::builder()
        .plugin("async-pipeline")
        .upstream(&upstream.base_url())
        .alone()
        .start()
        .await;
    let clients = (0..BURST).map(|_| async {
        let mut stream = host.client.stream("async-pipeline", "hello").await;
        stream.rest_text().await
    });
    let texts = within("all answers", SOON * 3, join_all(clients)).await;
    assert!(
        texts.iter().all(|text| text == "Hello from upstream"),
        "{texts:?}"
    );
}
