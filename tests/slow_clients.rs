//! Clients that are slow, many or idle.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::await_event::{SOON, eventually, within};
use crate::support::client::Client;
use crate::support::form::{Form, content_type};
use crate::support::host::TestHost;
use crate::support::metrics::reached;
use crate::support::neighbour::beside_a_neighbour;
use crate::support::process::{forget_peak, peak_memory};
use crate::support::raw_client::{RawClient, request};
use crate::support::report::say;

/// Number of idle connections. Each is an open file of this process, and one of the host.
const IDLE: usize = 10_000;
/// Memory that one of them may cost the host, in bytes: hyper's buffer and the state of the task.
const IDLE_BYTES_MAX: u64 = 24 << 10;
/// Maximum time for an answer to a new client next to all of them.
const PROMPT: Duration = Duration::from_secs(1);

/// Raises the limit on open files as far as this process may.
fn connections(address: &str, count: usize) -> impl Future<Output = Vec<TcpStream>> {
    join_all((0..count).map(async |_| {
        within("a connection", SOON, TcpStream::connect(address.to_owned()))
            .await
            .unwrap()
    }))
}

#[tokio::test]
async fn ten_thousand_idle_connections_cost_little_and_block_nobody() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config("[server]\nheader_read_timeout = '10m'")
        .alone()
        .start()
        .await;
    host.client.chat("echo-relay", "echo:warm").await;
    forget_peak(host.pid());
    let before = peak_memory(host.pid());
    let mut idle = Vec::new();
    while idle.len() < IDLE {
        idle.extend(connections(host.address(), 500).await);
    }
    // Half of them have made a request before and keep their connection open.
    let asked = idle.iter_mut().step_by(2).map(async |socket| {
        socket
            .write_all(
                format!(
                    "GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n",
                    host.address()
                )
                .as_bytes(),
            )
            .await
            .unwrap();
        let mut byte = [0];
        within("an answer", SOON, socket.read_exact(&mut byte))
            .await
            .unwrap();
    });
    join_all(asked).await;
    for _ in 0..20 {
        let begun = host.stopwatch();
        let other = Client::new(&host.base_url());
        assert_eq!(other.chat("echo-relay", "echo:hi").await.text(), "hi");
        assert!(
            begun.elapsed() < PROMPT,
            "a new client waited {:?}",
            begun.elapsed()
        );
    }
    let each = peak_memory(host.pid()).saturating_sub(before) / u64::try_from(IDLE).unwrap();
    say(&format!("an idle connection costs the host {each} bytes"));
    assert!(
        each <= IDLE_BYTES_MAX,
        "{each} bytes for each idle connection"
    );
    drop(idle);
}

#[tokio::test]
async fn at_the_connection_limit_the_longest_idle_connection_is_closed() {
    let host = TestHost::builder()
        .guest("slow-stream")
        .config("[server]\nconnections_max = 3")
        .start()
        .await;
    let mut busy = RawClient::stream(host.address(), "slow-stream", "100000").await;
    busy.read_until("\"content\":\"").await;
    // Two are idle, and every new client replaces the one that has been idle longer.
    for _ in 0..20 {
        let mut idle = connections(host.address(), 2).await;
        let answer = RawClient::send(
            host.address(),
            "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert!(answer.read_to_end().await.contains("200 OK"));
        let first = idle.remove(0);
        is_closed(first).await;
    }
    busy.read_until("\"content\":\"").await;
    counted(&host, "connections_max").await;
}

async fn is_closed(mut socket: TcpStream) {
    let mut rest = Vec::new();
    // A reset also counts as closed.
    let _ = within(
        "the end of an idle connection",
        SOON,
        socket.read_to_end(&mut rest),
    )
    .await;
}

#[tokio::test]
async fn connections_are_limited_per_address() {
    let host = TestHost::builder()
        .config("[server]\naddress_connections_max = 4")
        .start()
        .await;
    let address = host.address().to_owned();
    let live = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // The client of the test may use one of them.
    let mut held = Vec::new();
    let refused = eventually("one is refused", SOON, async || {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        // The host may have closed it already.
        let _ = socket.write_all(live.as_bytes()).await;
        let mut byte = [0];
        if matches!(
            within("an answer or the end", SOON, socket.read(&mut byte)).await,
            Ok(1)
        ) {
            held.push(socket);
            return None;
        }
        Some(held.len())
    })
    .await;
    assert!((3..=4).contains(&refused), "{refused} were let in");
    drop(held);
    eventually("a connection is accepted again", SOON, async || {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        let _ = socket.write_all(live.as_bytes()).await;
        matches!(
            within("an answer or the end", SOON, socket.read(&mut [0])).await,
            Ok(1)
        )
        .then_some(())
    })
    .await;
    counted(&host, "address_connections_max").await;
}

#[tokio::test]
async fn the_number_of_headers_is_limited() {
    let host = TestHost::builder()
        .config("[server]\nheaders_max = 20")
        .start()
        .await;
    let with = async |count: usize| {
        let more: String = (0..count)
            .map(|number| format!("x-{number}: y\r\n"))
            .collect();
        let head = format!(
            "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n"
        );
        RawClient::send(host.address(), &head)
            .await
            .read_to_end()
            .await
    };
    assert!(with(18).await.starts_with("HTTP/1.1 200"));
    assert!(with(19).await.starts_with("HTTP/1.1 431"));
    counted(&host, "headers_max").await;
}

#[tokio::test]
async fn the_size_of_headers_is_limited() {
    let host = TestHost::builder()
        .config("[server]\nheader_bytes_max = '16 KiB'")
        .start()
        .await;
    let with = async |bytes: usize| {
        let long = "y".repeat(bytes);
        let head = format!(
            "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx: {long}\r\n\r\n"
        );
        RawClient::send(host.address(), &head)
            .await
            .read_to_end()
            .await
    };
    assert!(with(8 << 10).await.starts_with("HTTP/1.1 200"));
    assert!(with(17 << 10).await.starts_with("HTTP/1.1 431"));
    counted(&host, "header_bytes_max").await;
    assert_eq!(reached(&host, "headers_max", "").await, 0);
}

/// Waits until a client limit is counted; connections end shortly after the answer.
async fn counted(host: &TestHost, limit: &str) {
    eventually(limit, SOON, async || {
        (reached(host, limit, "").await > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn clients_that_never_finish_their_headers_are_closed_and_block_nobody() {
    let config = "[server]\nheader_read_timeout = '500ms'\nconnections_max = 300";
    let host = TestHost::builder()
        .guest("slow-stream")
        .config(config)
        .alone()
        .start()
        .await;
    let slow = async {
        let mut clients = connections(host.address(), 200).await;
        for client in &mut clients {
            client
                .write_all(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-")
                .await
                .unwrap();
        }
        join_all(clients.into_iter().map(is_closed)).await;
    };
    beside_a_neighbour(&host, slow).await;
    counted(&host, "header_read_timeout").await;
}

#[tokio::test]
async fn closing_an_idle_connection_does_not_count_as_a_limit() {
    let host = TestHost::builder()
        .config("[server]\nheader_read_timeout = '100ms'")
        .start()
        .await;
    join_all(
        connections(host.address(), 3)
            .await
            .into_iter()
            .map(is_closed),
    )
    .await;
    assert_eq!(reached(&host, "header_read_timeout", "").await, 0);
}

/// Sends `head`, then `body` byte by byte until the host answers; returns the answer.
async fn trickle(host: &TestHost, head: &str, body: &[u8], pause: Duration) -> String {
    let socket = TcpStream::connect(host.address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (mut read, mut write) = socket.into_split();
    write.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let sending = async {
        let mut ticks = tokio::time::interval(pause);
        for byte in body.iter().cycle() {
            ticks.tick().await;
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = within("an answer to a slow body", SOON, read.read_to_end(&mut answer)) => drop(ended),
        () = sending => {}
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_stalled_or_slow_body_is_refused_with_408() {
    let config = "[server]\nbody_stall_timeout = '300ms'\nupload_stall_timeout = '300ms'\nbody_rate_min = '10 KiB'";
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("files-echo")
        .config(config)
        .start()
        .await;
    let json =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
    let form = format!(
        "POST /files-echo/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\nContent-Type: {}\r\n\r\n",
        content_type()
    );
    let open = String::from_utf8(Form::default().file("a.txt", "").open()).unwrap();
    let form = format!("{form}{}", open.trim_end());
    for (head, begun) in [
        (json, "{\"model\": \"echo-relay\","),
        (form.as_str(), "\r\n\r\nabc"),
    ] {
        let stalled = RawClient::send(host.address(), &format!("{head}{begun}"))
            .await
            .read_to_end()
            .await;
        assert!(
            stalled.starts_with("HTTP/1.1 408") && stalled.contains("300 ms"),
            "{stalled}"
        );
        let trickled = trickle(
            &host,
            &format!("{head}{begun}"),
            b"x",
            Duration::from_millis(20),
        )
        .await;
        assert!(
            trickled.starts_with("HTTP/1.1 408") && trickled.contains("body_rate_min"),
            "{trickled}"
        );
    }
    for (limit, times) in [
        ("body_stall_timeout", 1),
        ("upload_stall_timeout", 1),
        ("body_rate_min", 2),
    ] {
        assert_eq!(reached(&host, limit, "").await, times, "{limit}");
    }
}

#[tokio::test]
async fn reading_a_body_has_a_timeout() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config("[server]\nbody_read_timeout = '300ms'\nbody_rate_min = 0")
        .start()
        .await;
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
    let answer = trickle(&host, head, b"x", Duration::from_millis(20)).await;
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("body_read_timeout"),
        "{answer}"
    );
    assert_eq!(reached(&host, "body_read_timeout", "").await, 1);
}

#[tokio::test]
async fn json_depth_is_limited_even_where_json_is_passed_through() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("job-worker")
        .config("[server]\njson_depth_max = 20")
        .start()
        .await;
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for levels in [10, 100, 100_000] {
        let chat = format!(
            r#"{{"model": "echo-relay", "messages": [{{"role": "user", "content": "echo:hi"}}], "mine": {}}}"#,
            deep(levels)
        );
        let job = format!(r#"{{"type": "program", "data": {}}}"#, deep(levels));
        for (path, body, good) in [
            ("/v1/chat/completions", chat, 200),
            ("/job-worker/jobs", job, 202),
        ] {
            let reply = host.client.send("POST", path, &body).await;
            if levels == 10 {
                assert_eq!(reply.status, good, "{path}: {}", reply.body);
            } else {
                assert!(
                    reply.status == 400 && reply.error().contains("json_depth_max"),
                    "{path}: {}",
                    reply.body
                );
            }
        }
    }
    assert_eq!(reached(&host, "json_depth_max", "").await, 4);
}

/// Number of clients that request an endless answer and never read it.
const SILENT: usize = 50;
/// Maximum time until the last of them is disconnected, on a busy machine.
const CUT_MAX: Duration = Duration::from_secs(60);
/// Memory that one of them may cost the host: the memory of a guest, its channel, and what does not
/// fit in kernel buffers.
const SILENT_BYTES_MAX: u64 = 4 << 20;

#[tokio::test]
async fn clients_that_never_read_cost_limited_memory_and_leave_no_runs() {
    let config = "[server]\nwrite_stall_timeout = '2s'";
    let limits = "output_bytes_max = '1 GiB'\nplugin_runs_max = 256";
    let host = TestHost::builder()
        .guest("flood-output")
        .guest("slow-stream")
        .limits(limits)
        .config(config)
        .alone()
        .start()
        .await;
    forget_peak(host.pid());
    let before = peak_memory(host.pid());
    let body = crate::support::client::stream_body("flood-output", "go on").to_string();
    let ask = request(host.address(), &body);
    let clients = join_all((0..SILENT).map(|_| ask_and_never_read(host.address(), &ask))).await;
    eventually("all of them are disconnected", CUT_MAX, async || {
        let status = host.client.status("flood-output").await?;
        (status["active_runs"] == 0 && status["total_runs"].as_u64() >= Some(1)).then_some(())
    })
    .await;
    let each = peak_memory(host.pid()).saturating_sub(before) / u64::try_from(SILENT).unwrap();
    say(&format!(
        "a client that does not read costs the host {each} bytes"
    ));
    assert!(
        each <= SILENT_BYTES_MAX,
        "{each} bytes for each client that does not read"
    );
    assert_eq!(host.client.chat("slow-stream", "1").await.status, 200);
    counted(&host, "write_stall_timeout").await;
    drop(clients);
}

/// With a small buffer, so that the kernel buffers little.
async fn ask_and_never_read(address: &str, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut socket = socket.connect(address.parse().unwrap()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}
