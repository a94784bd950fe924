//! A load generator: keep-alive connections, each sending a request as soon as it has an answer.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Span;

const READ_BYTES: usize = 64 << 10;

/// The results of one load on one server.
pub struct Point {
    /// The latency of each answer in microseconds, sorted.
    latencies: Vec<u64>,
    chunks: usize,
    span: Duration,
}

impl Point {
    /// Answers per second.
    pub fn requests_per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.span.as_secs_f64()
    }

    /// Frames of streams per second.
    pub fn chunks_per_second(&self) -> f64 {
        self.chunks as f64 / self.span.as_secs_f64()
    }

    /// The latency percentile in microseconds.
    pub fn percentile(&self, percent: usize) -> u64 {
        self.latencies
            .get(self.latencies.len().saturating_sub(1) * percent / 100)
            .copied()
            .unwrap_or_default()
    }
}

/// Puts load on a server over `connections` connections.
pub async fn measure(address: &str, connections: usize, body: &str, span: Span) -> Point {
    let begin = Instant::now() + span.warm_up;
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(ask_until(
            address.to_owned(),
            request(address, body),
            begin,
            begin + span.measured,
        ));
    }
    let mut point = Point {
        latencies: Vec::new(),
        chunks: 0,
        span: span.measured,
    };
    for (latencies, chunks) in tasks.join_all().await {
        point.latencies.extend(latencies);
        point.chunks += chunks;
    }
    point.latencies.sort_unstable();
    point
}

async fn ask_until(
    address: String,
    request: String,
    begin: Instant,
    end: Instant,
) -> (Vec<u64>, usize) {
    let mut connection = Connection::open(&address).await;
    let (mut latencies, mut chunks) = (Vec::new(), 0);
    loop {
        let asked = Instant::now();
        let answer = connection.ask(&request).await;
        let answered = Instant::now();
        if answered > end {
            return (latencies, chunks);
        }
        assert_eq!(answer.status, 200, "the server fails under load");
        if answered >= begin {
            latencies.push(u64::try_from((answered - asked).as_micros()).unwrap());
            chunks += answer.frames;
        }
    }
}

/// The status of one answer.
pub async fn ask_once(address: &str, body: &str) -> u16 {
    Connection::open(address)
        .await
        .ask(&request(address, body))
        .await
        .status
}

fn request(address: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

struct Answer {
    status: u16,
    /// `data:` lines in its body.
    frames: usize,
}

/// How the end of a body is recognised.
enum End {
    Length(usize),
    LastChunk,
}

impl Connection {
    async fn open(address: &str) -> Connection {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Connection {
            socket,
            buffer: Vec::with_capacity(READ_BYTES),
        }
    }

    async fn ask(&mut self, request: &str) -> Answer {
        self.buffer.clear();
        self.socket.write_all(request.as_bytes()).await.unwrap();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await;
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap()).to_ascii_lowercase();
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .unwrap();
        let length = text
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next()?.parse().ok());
        let end = length.map_or(End::LastChunk, End::Length);
        while !self.is_whole(head, &end) {
            self.read().await;
        }
        Answer {
            status,
            frames: count(self.buffer.get(head..).unwrap(), b"data: "),
        }
    }

    fn is_whole(&self, head: usize, end: &End) -> bool {
        match end {
            End::Length(length) => self.buffer.len() >= head + length,
            // Nothing follows: the next request has not been sent yet.
            End::LastChunk => self.buffer.ends_with(b"\r\n0\r\n\r\n"),
        }
    }

    async fn read(&mut self) {
        let count = self.socket.read_buf(&mut self.buffer).await.unwrap();
        assert!(
            count > 0,
            "the server hung up: {}",
            String::from_utf8_lossy(&self.buffer)
        );
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn count(text: &[u8], part: &[u8]) -> usize {
    text.windows(part.len())
        .filter(|window| *window == part)
        .count()
}
