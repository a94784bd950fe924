//! Requests to the network, with a resolver and servers of the tests.

mod bounds;
mod redirects;
mod requests;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hayrick_types::egress::grant::EgressGrant;
use hayrick_types::egress::rule::EgressRule;
use hayrick_types::egress::secret::SecretGrant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::egress::error::EgressError;
use crate::egress::request::Request;
use crate::egress::resolver::{Resolver, Resolving};
use crate::egress::service::Egress;
use crate::egress::session::Session;
use crate::secret::Secret;
use hayrick_types::settings::egress::EgressSettings;

const SECRET: &str = "sk-very-secret-1";

/// Returns each answer once, the last one forever, and counts the queries.
#[derive(Clone, Default)]
struct FakeResolver(Arc<Mutex<(VecDeque<Vec<IpAddr>>, usize)>>);

impl FakeResolver {
    fn new(answers: &[&[&str]]) -> FakeResolver {
        let answers = answers
            .iter()
            .map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect())
            .collect();
        FakeResolver(Arc::new(Mutex::new((answers, 0))))
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Resolver for FakeResolver {
    fn resolve(&self, _name: &str) -> Resolving {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        let answer = if state.0.len() > 1 {
            state.0.pop_front()
        } else {
            state.0.front().cloned()
        };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("unknown")) })
    }
}

/// A server that answers each connection as `answer` says, and keeps what it was sent.
struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    async fn at(
        ip: &str,
        port: u16,
        answer: impl Fn(&str) -> Vec<Bytes> + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind((ip, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let mut task = JoinSet::new();
        let requests = Arc::clone(&seen);
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&requests), Arc::clone(&answer)));
            }
        });
        Server {
            port,
            seen,
            _task: task,
        }
    }

    async fn new(answer: impl Fn(&str) -> Vec<Bytes> + Send + Sync + 'static) -> Server {
        Server::at("127.0.0.1", 0, answer).await
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<String>>>,
    answer: Arc<impl Fn(&str) -> Vec<Bytes>>,
) {
    let request = read_request(&mut stream).await;
    seen.lock().unwrap().push(request.clone());
    for piece in answer(&request) {
        if stream.write_all(&piece).await.is_err() {
            return;
        }
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    // A `stall` keeps the connection; anything else ends it.
    if request.contains("/stall") {
        let _ = stream.read(&mut [0]).await;
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

fn ok(body: &str) -> Vec<Bytes> {
    vec![
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into(),
    ]
}

fn moved(status: u16, location: &str) -> Vec<Bytes> {
    vec![
        format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
            .into(),
    ]
}

fn rule(text: &str) -> EgressRule {
    EgressRule {
        private: true,
        ..EgressRule::parse(text).unwrap()
    }
}

fn secret(to: &str) -> SecretGrant {
    let (header, template) = ("authorization".to_owned(), "Bearer {}".to_owned());
    SecretGrant {
        name: "key".to_owned(),
        variable: "KEY".to_owned(),
        header,
        template,
        to: rule(to),
    }
}

fn egress(config: EgressSettings, resolver: &FakeResolver) -> Egress {
    let secrets = Arc::new(|name: &str| (name == "KEY").then(|| Secret::new(SECRET.to_owned())));
    Egress::new(config, Arc::new(resolver.clone()), secrets)
}

fn session_with(
    config: EgressSettings,
    resolver: &FakeResolver,
    rules: Vec<EgressRule>,
    secrets: Vec<SecretGrant>,
) -> Session {
    egress(config, resolver).session("tool".into(), Arc::new(EgressGrant { rules, secrets }))
}

fn local() -> FakeResolver {
    FakeResolver::new(&[&["127.0.0.1"]])
}

fn session(rules: &[String]) -> Session {
    session_with(
        EgressSettings::default(),
        &local(),
        rules.iter().map(|text| rule(text)).collect(),
        Vec::new(),
    )
}

fn get(url: impl Into<String>) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: Bytes::new(),
        timeout: None,
        follow: true,
    }
}

async fn text(session: &Session, request: Request) -> Result<String, EgressError> {
    let mut answer = session.send(request).await?;
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        text.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(text).unwrap())
}

async fn error(session: &Session, request: Request) -> String {
    text(session, request).await.unwrap_err().to_string()
}
