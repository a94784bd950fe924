//! A web server in the test process that answers as configured and records requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Size of a write in an endless answer.
const PIECE: usize = 16 << 10;

/// What happens after the bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The connection is closed.
    Close,
    /// Nothing more is sent while the client waits.
    Stall,
    /// More bytes without end.
    Flood,
}

/// The answer to one request, byte for byte.
#[derive(Debug, Clone)]
pub struct Answer {
    pub pieces: Vec<String>,
    pub then: Then,
}

/// A running server. It stops when this is dropped.
pub struct FakeSite {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Answer {
    /// 200 with a body.
    pub fn ok(body: &str) -> Answer {
        Answer::raw(&format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// A redirect.
    pub fn moved(status: u16, location: &str) -> Answer {
        Answer::raw(&format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ))
    }

    /// These bytes.
    pub fn raw(text: &str) -> Answer {
        Answer {
            pieces: vec![text.to_owned()],
            then: Then::Close,
        }
    }
}

impl FakeSite {
    /// Answers each request with the result of `answer`, called with the request and the port of
    /// the server.
    pub async fn start(answer: impl Fn(&str, u16) -> Answer + Send + Sync + 'static) -> FakeSite {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let (requests, mut task) = (Arc::clone(&seen), JoinSet::new());
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                connections.spawn(async move {
                    let (mut stream, request) = read(stream).await;
                    requests.lock().unwrap().push(request.clone());
                    // The client may hang up before the end.
                    let _ = write(&mut stream, answer(&request, port)).await;
                });
            }
        });
        FakeSite {
            port,
            seen,
            _task: task,
        }
    }

    /// A URL of the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// All requests so far, head and body.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The policy of a plugin that may send any request to it, with additional lines.
    pub fn policy(&self, more: &str) -> String {
        let rule = format!(
            "[[egress]]\nscheme = 'http'\nhost = '127.0.0.1'\nport = {}\nprivate = true",
            self.port
        );
        format!("interfaces = ['http']\n{rule}\n{more}")
    }
}

async fn read(mut stream: TcpStream) -> (TcpStream, String) {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let head = text.split_once("\r\n\r\n");
        let length = head.and_then(|(head, _)| {
            head.to_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        });
        if read == 0 || head.is_some_and(|(_, body)| body.len() >= length.unwrap_or(0)) {
            return (stream, text);
        }
    }
}

async fn write(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    for piece in answer.pieces {
        stream.write_all(piece.as_bytes()).await?;
        stream.flush().await?;
    }
    match answer.then {
        Then::Close => stream.shutdown().await,
        Then::Stall => stream.read(&mut [0]).await.map(drop),
        Then::Flood => loop {
            stream.write_all(&[b'x'; PIECE]).await?;
        },
    }
}
