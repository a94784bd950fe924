//! A model server in the test process that can misbehave and records its requests.

use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use self::texts::{embeddings, event, item, last_events, whole};

#[path = "fake_texts.rs"]
pub mod texts;

/// The text of a normal answer, token by token.
pub const TOKENS: [&str; 3] = ["Hello", " from", " upstream"];
/// Its usage: prompt and completion.
pub const USAGE: (u64, u64) = (7, 3);

/// How a request is answered. Incomplete answers end after the first tokens.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// The tokens at once, or one document for a request that does not stream; one vector per text
    /// for `/embeddings`.
    Ok,
    /// One document, even for a streaming request.
    Document,
    /// After a pause, the batch item in the request; an item that contains `refused` gets a 500.
    Work {
        pause: Duration,
        refused: Option<&'static str>,
    },
    /// This many tokens, with a pause before each.
    Slow { chunks: usize, pause: Duration },
    /// The tokens, once this many requests have arrived.
    Together { requests: usize },
    /// No response at all.
    NeverAnswers,
    /// A status, but no token.
    NeverAToken,
    /// The connection is closed before the end of the body.
    Cut,
    /// The body ends properly, but the answer is incomplete.
    Unfinished,
    /// Half an event, then the connection is closed.
    HalfEvent,
    /// An event that is not JSON.
    Malformed,
    /// No more data.
    Stall,
    /// An event of this size.
    HugeEvent { bytes: usize },
    /// An error response with OpenAI's error object and, if set, `Retry-After` in seconds.
    Status { code: u16, retry_after: Option<u64> },
    /// An error response with this body.
    Refusal { code: u16, body: String },
    /// The connection is closed before the status.
    HangUp,
    /// An error object in the middle of the stream.
    ErrorEvent { code: Option<u16> },
    /// These bytes, with more headers; the connection stays open, with comments, if `lingers`.
    Bytes {
        headers: &'static str,
        body: Vec<u8>,
        lingers: bool,
    },
    /// This body, with each part in a separate write.
    Raw {
        content_type: &'static str,
        pieces: Vec<String>,
    },
}

/// A recorded request.
#[derive(Debug, Clone)]
pub struct Request {
    /// When it had fully arrived.
    pub at: Instant,
    pub path: String,
    /// The head of the request, as sent.
    pub headers: String,
    pub body: String,
}

/// The server. It stops when this is dropped.
pub struct FakeUpstream {
    address: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    behaviours: Vec<Behaviour>,
    requests: Mutex<Vec<Request>>,
    counts: watch::Sender<Counts>,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub accepted: usize,
    /// Currently open connections.
    pub open: usize,
    /// Connections that the other side closed.
    pub closed_by_peer: usize,
    pub requests: usize,
    /// Requests currently being answered.
    pub busy: usize,
    /// The maximum number of concurrent requests.
    pub busy_max: usize,
}

/// Counts a request as being answered until it is dropped.
struct Busy<'a>(&'a Shared);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.count(|counts| counts.busy -= 1);
    }
}

impl FakeUpstream {
    /// A server that always behaves like this.
    pub async fn start(behaviour: Behaviour) -> FakeUpstream {
        FakeUpstream::start_sequence(vec![behaviour]).await
    }

    /// A server that behaves like this, request by request; the last behaviour repeats.
    ///
    /// # Panics
    /// There is no behaviour.
    pub async fn start_sequence(behaviours: Vec<Behaviour>) -> FakeUpstream {
        assert!(!behaviours.is_empty(), "a fake upstream needs a behaviour");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let counts = watch::Sender::new(Counts::default());
        let shared = Arc::new(Shared {
            behaviours,
            requests: Mutex::default(),
            counts,
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        FakeUpstream {
            address,
            shared,
            accepting,
        }
    }

    /// The `base_url` to configure.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits for the first request.
    pub async fn request(&self) -> Request {
        self.reach(|counts| counts.requests > 0).await;
        self.requests()[0].clone()
    }

    /// Waits until the other side has closed a connection.
    pub async fn connection_closed(&self) {
        self.reach(|counts| counts.closed_by_peer > 0).await;
    }

    /// Waits until `is_so` returns true.
    pub async fn reach(&self, is_so: impl Fn(&Counts) -> bool) {
        self.shared
            .counts
            .subscribe()
            .wait_for(is_so)
            .await
            .unwrap();
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        // The accepting task owns the connections.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        connections.spawn(serve(socket, Arc::clone(&shared)));
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    shared.count(|counts| (counts.accepted, counts.open) = (counts.accepted + 1, counts.open + 1));
    let (reader, writer) = socket.into_split();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::select! {
        // Keeps reading while an answer is written, to notice a hang-up at once.
        () = read_requests(reader, &shared, sender) => shared.count(|counts| (counts.closed_by_peer, counts.open) = (counts.closed_by_peer + 1, counts.open - 1)),
        () = write_answers(writer, receiver, &shared) => shared.count(|counts| counts.open -= 1),
    }
}

/// Returns once the other side has closed.
async fn read_requests(
    mut reader: OwnedReadHalf,
    shared: &Shared,
    sender: mpsc::UnboundedSender<(Behaviour, Request)>,
) {
    let mut unread = Vec::new();
    loop {
        while let Some(request) = take_request(&mut unread) {
            let behaviour = shared.keep(request.clone());
            // It fails if this side closed the connection; then this ends too.
            let _ = sender.send((behaviour, request));
        }
        let mut piece = [0; 16 << 10];
        match reader.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(count) => unread.extend_from_slice(&piece[..count]),
        }
    }
}

/// Removes a complete request with a `Content-Length` from the front.
fn take_request(unread: &mut Vec<u8>) -> Option<Request> {
    let head_end = unread.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let headers = String::from_utf8(unread[..head_end].to_vec()).unwrap();
    let length = headers
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let end = head_end + length.map_or(0, |(_, value)| value.trim().parse().unwrap());
    let body = String::from_utf8(unread.get(head_end..end)?.to_vec()).unwrap();
    unread.drain(..end);
    let path = headers.split(' ').nth(1).unwrap().to_owned();
    Some(Request {
        at: Instant::now(),
        path,
        headers,
        body,
    })
}

/// Returns when the connection should be closed.
async fn write_answers(
    mut writer: OwnedWriteHalf,
    mut requests: mpsc::UnboundedReceiver<(Behaviour, Request)>,
    shared: &Shared,
) {
    while let Some((behaviour, request)) = requests.recv().await {
        let _busy = shared.begin();
        let behaviour = match behaviour {
            Behaviour::Together { requests } => {
                shared.arrived(requests).await;
                Behaviour::Ok
            }
            other => other,
        };
        if !answer(&mut writer, behaviour, &request)
            .await
            .unwrap_or(false)
        {
            return;
        }
    }
}

impl Shared {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }

    /// Waits until this many requests have arrived.
    async fn arrived(&self, requests: usize) {
        let mut counts = self.counts.subscribe();
        counts
            .wait_for(|counts| counts.requests >= requests)
            .await
            .unwrap();
    }

    fn begin(&self) -> Busy<'_> {
        self.count(|counts| {
            (counts.busy, counts.busy_max) = (counts.busy + 1, counts.busy_max.max(counts.busy + 1))
        });
        Busy(self)
    }

    fn keep(&self, request: Request) -> Behaviour {
        let mut requests = self.requests.lock().unwrap();
        let behaviour = self
            .behaviours
            .get(requests.len())
            .or(self.behaviours.last())
            .unwrap()
            .clone();
        requests.push(request);
        drop(requests);
        self.count(|counts| counts.requests += 1);
        behaviour
    }
}

/// Answers a request; returns whether the connection stays open.
async fn answer(
    out: &mut OwnedWriteHalf,
    behaviour: Behaviour,
    request: &Request,
) -> io::Result<bool> {
    match behaviour {
        Behaviour::Ok if request.path.ends_with("/embeddings") => {
            document(out, 200, "", &embeddings(&request.body)).await
        }
        Behaviour::Ok if streams(request) => stream(out, &TOKENS, Duration::ZERO).await,
        Behaviour::Ok | Behaviour::Document => document(out, 200, "", &whole()).await,
        Behaviour::Work { pause, refused } => {
            sleep(pause).await;
            work(out, item(&request.body), refused).await
        }
        Behaviour::Slow { chunks, pause } => stream(out, &vec!["tick "; chunks], pause).await,
        Behaviour::Status { code, retry_after } => refuse(out, code, retry_after).await,
        Behaviour::Refusal { code, body } => document(out, code, "", &body).await,
        Behaviour::Raw {
            content_type,
            pieces,
        } => {
            start(out, content_type).await?;
            for piece in pieces {
                write_chunk(out, &piece).await?;
            }
            end(out).await
        }
        Behaviour::Bytes {
            headers,
            body,
            lingers,
        } => bytes(out, headers, &body, lingers).await,
        Behaviour::HangUp => Ok(false),
        Behaviour::NeverAnswers => std::future::pending().await,
        Behaviour::NeverAToken => {
            start(out, "text/event-stream").await?;
            std::future::pending().await
        }
        breaking => {
            start(out, "text/event-stream").await?;
            for token in TOKENS {
                write_chunk(out, &event(token)).await?;
            }
            break_off(out, breaking).await
        }
    }
}

/// A body that only the end of the connection ends.
async fn bytes(
    out: &mut OwnedWriteHalf,
    headers: &str,
    body: &[u8],
    lingers: bool,
) -> io::Result<bool> {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}\r\n");
    out.write_all(head.as_bytes()).await?;
    out.write_all(body).await?;
    if !lingers {
        return Ok(false);
    }
    loop {
        sleep(Duration::from_millis(100)).await;
        out.write_all(b": ping\n\n").await?;
    }
}

/// Writes what follows the first tokens.
async fn break_off(out: &mut OwnedWriteHalf, behaviour: Behaviour) -> io::Result<bool> {
    match behaviour {
        Behaviour::Unfinished => end(out).await,
        Behaviour::Stall => std::future::pending().await,
        Behaviour::HalfEvent => {
            let whole = event("never seen");
            write_chunk(out, &whole[..whole.len() / 2]).await?;
            Ok(false)
        }
        Behaviour::Malformed => {
            write_chunk(out, "data: {\"choices\": [{\"delta\"\n\n").await?;
            end(out).await
        }
        Behaviour::HugeEvent { bytes } => {
            write_chunk(out, &event(&"x".repeat(bytes))).await?;
            end(out).await
        }
        Behaviour::ErrorEvent { code } => {
            let code = code.map_or("null".to_owned(), |code| code.to_string());
            write_chunk(
                out,
                &format!(
                    "data: {{\"error\":{{\"message\":\"the fake gave up\",\"code\":{code}}}}}\n\n"
                ),
            )
            .await?;
            end(out).await
        }
        // `Cut`: the connection is closed here.
        _ => Ok(false),
    }
}

async fn work(out: &mut OwnedWriteHalf, item: &str, refused: Option<&str>) -> io::Result<bool> {
    if refused.is_some_and(|text| item.contains(text)) {
        return refuse(out, 500, None).await;
    }
    stream(out, &[&format!("done: {item}")], Duration::ZERO).await
}

fn streams(request: &Request) -> bool {
    request.body.contains("\"stream\":true") || request.body.contains("\"stream\": true")
}

/// A complete stream of tokens.
async fn stream(out: &mut OwnedWriteHalf, tokens: &[&str], pause: Duration) -> io::Result<bool> {
    start(out, "text/event-stream").await?;
    for token in tokens {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        write_chunk(out, &event(token)).await?;
    }
    write_chunk(out, &last_events()).await?;
    end(out).await
}

async fn refuse(out: &mut OwnedWriteHalf, code: u16, retry_after: Option<u64>) -> io::Result<bool> {
    let mut headers = String::new();
    if let Some(seconds) = retry_after {
        write!(headers, "Retry-After: {seconds}\r\n").unwrap();
    }
    document(
        out,
        code,
        &headers,
        &format!("{{\"error\":{{\"message\":\"the fake says {code}\",\"type\":\"fake\"}}}}"),
    )
    .await
}

async fn document(
    out: &mut OwnedWriteHalf,
    code: u16,
    headers: &str,
    body: &str,
) -> io::Result<bool> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {code} Fake\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    out.write_all(text.as_bytes()).await?;
    Ok(true)
}

async fn start(out: &mut OwnedWriteHalf, content_type: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    out.write_all(head.as_bytes()).await
}

async fn write_chunk(out: &mut OwnedWriteHalf, text: &str) -> io::Result<()> {
    out.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
        .await
}

async fn end(out: &mut OwnedWriteHalf) -> io::Result<bool> {
    out.write_all(b"0\r\n\r\n").await?;
    Ok(true)
}
