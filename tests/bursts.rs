//! Many connections at one moment.

use futures_util::future::try_join_all;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

use crate::support::await_event::{SOON, within};
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
