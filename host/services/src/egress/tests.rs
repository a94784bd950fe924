//! The whole way out, over a resolver and servers of the tests' own.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hayrick_types::egress::grant::EgressGrant;
use hayrick_types::egress::rule::EgressRule;
use hayrick_types::egress::secret::SecretGrant;
use hayrick_types::settings::egress::EgressSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::egress::error::EgressError;
use crate::egress::request::Request;
use crate::egress::resolver::{Resolver, Resolving};
use crate::egress::service::Egress;
use crate::egress::session::Session;
use crate::secret::Secret;

const SECRET: &str = "sk-very-secret-1";

/// Gives each answer once, the last one for ever; and counts.
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
        let told = Arc::clone(&seen);
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&told), Arc::clone(&answer)));
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

#[tokio::test]
async fn a_request_goes_out_as_the_host_frames_it() {
    let server = Server::new(|_| ok("hello")).await;
    let (port, session) = (
        server.port,
        session(&[format!("http://api.test:{}", server.port)]),
    );
    let headers = vec![("X-Word".to_owned(), b"one".to_vec())];
    let request = Request {
        method: "POST".to_owned(),
        headers,
        body: "body".into(),
        ..get(format!("http://API.test:{port}/a?b#c"))
    };
    assert_eq!(text(&session, request).await.unwrap(), "hello");
    let seen = server.seen().remove(0).to_lowercase();
    assert!(
        seen.starts_with("post /a?b http/1.1\r\n") && seen.ends_with("\r\n\r\nbody"),
        "{seen}"
    );
    for line in [
        format!("host: api.test:{port}"),
        "content-length: 4".to_owned(),
        "x-word: one".to_owned(),
    ] {
        assert_eq!(
            seen.matches(&format!("\r\n{line}\r\n")).count(),
            1,
            "{line}: {seen}"
        );
    }
}

#[tokio::test]
async fn nothing_is_resolved_that_is_not_granted() {
    let resolver = local();
    let session = session_with(
        EgressSettings::default(),
        &resolver,
        vec![rule("http://api.test/v1")],
        Vec::new(),
    );
    for url in [
        "http://other.test/v1",
        "https://api.test/v1",
        "http://api.test:81/v1",
        "http://api.test/v2",
        "http://127.0.0.1/v1",
    ] {
        let error = session.send(get(url)).await.err().unwrap();
        assert!(
            matches!(error, EgressError::Denied { .. }),
            "{url}: {error}"
        );
        assert!(
            error.to_string().contains("plugins/tool.toml")
                && error.to_string().contains("[[egress]]"),
            "{error}"
        );
    }
    let none = session_with(EgressSettings::default(), &resolver, Vec::new(), Vec::new());
    assert!(matches!(
        none.send(get("http://api.test/")).await,
        Err(EgressError::Denied { .. })
    ));
    assert_eq!(resolver.asked(), 0);
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_asked() {
    let first = Server::new(|_| ok("the first")).await;
    let second = Server::at("127.0.0.2", first.port, |_| ok("the second")).await;
    let resolver = FakeResolver::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let url = format!("http://rebind.test:{}", first.port);
    let session = session_with(
        EgressSettings::default(),
        &resolver,
        vec![rule(&url)],
        Vec::new(),
    );
    assert_eq!(text(&session, get(&url)).await.unwrap(), "the first");
    assert_eq!((resolver.asked(), second.seen().len()), (1, 0));
    // The next request is resolved and checked anew, on a connection of its own.
    assert_eq!(text(&session, get(&url)).await.unwrap(), "the second");
}

#[tokio::test]
async fn a_name_that_turns_to_metadata_is_refused_even_after_a_good_answer() {
    let server = Server::new(|_| moved(302, "/again")).await;
    let resolver = FakeResolver::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let url = format!("http://rebind.test:{}", server.port);
    let session = session_with(
        EgressSettings::default(),
        &resolver,
        vec![rule(&url)],
        Vec::new(),
    );
    assert!(error(&session, get(&url)).await.contains("link-local"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn no_spelling_of_a_local_address_is_reached_without_a_word_for_it() {
    let server = Server::new(|_| ok("inside")).await;
    let port = server.port;
    let hosts = [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
    ];
    for host in hosts.into_iter().chain([
        "localhost",
        "LOCALHOST",
        "localhost.",
        "good@127.0.0.1",
        "%31%32%37.1",
        "127.0.0.1.",
    ]) {
        let session = session(&[format!("http://api.test:{port}")]);
        let error = session
            .send(get(format!("http://{host}:{port}/")))
            .await
            .err()
            .unwrap();
        assert!(
            matches!(error, EgressError::Denied { .. } | EgressError::Address(_)),
            "{host}: {error}"
        );
    }
    // Granted by name, and its address is local all the same.
    let public = EgressRule {
        private: false,
        ..rule(&format!("http://api.test:{port}"))
    };
    let session = session_with(
        EgressSettings::default(),
        &local(),
        vec![public],
        Vec::new(),
    );
    assert!(
        error(&session, get(format!("http://api.test:{port}/")))
            .await
            .contains("private = true")
    );
    // Granted by address without `private`.
    let public = EgressRule {
        private: false,
        ..rule(&format!("http://127.0.0.1:{port}"))
    };
    let session = session_with(
        EgressSettings::default(),
        &local(),
        vec![public],
        Vec::new(),
    );
    assert!(
        error(&session, get(format!("http://127.1:{port}/")))
            .await
            .contains("private = true")
    );
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn every_redirect_is_authorised_anew() {
    let server = Server::new(|request| {
        let target = request.split(' ').nth(1).unwrap();
        moved(302, target.strip_prefix("/to?").unwrap_or("/to?/"))
    })
    .await;
    let origin = format!("http://api.test:{}", server.port);
    let session = session(&[origin.clone(), "http://169.254.169.254".to_owned()]);
    for (to, word) in [
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        ("http://127.0.0.1/", "not granted"),
        ("http://metadata.google.internal/", "not granted"),
        ("file:///etc/passwd", "cannot be asked"),
        ("http://user@api.test/", "cannot be asked"),
    ] {
        let error = error(&session, get(format!("{origin}/to?{to}"))).await;
        assert!(error.contains(word), "{to}: {error}");
    }
    let error = error(&session, get(format!("{origin}/x"))).await;
    assert!(error.contains("redirects_max"), "{error}");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let elsewhere = Server::new(|_| ok("landed")).await;
    let there = format!("http://other.test:{}/landed", elsewhere.port);
    let server = Server::new(move |request| {
        if request.contains("/same") {
            ok("landed")
        } else {
            moved(307, &there)
        }
    })
    .await;
    let (here, other) = (
        format!("http://api.test:{}", server.port),
        format!("http://other.test:{}", elsewhere.port),
    );
    // The secret is granted for both, and still no server can send it to the other one.
    let secrets = vec![secret(&here), secret(&other)];
    let session = session_with(
        EgressSettings::default(),
        &local(),
        vec![rule(&here), rule(&other)],
        secrets,
    );
    let headers = [
        ("Cookie", "c=1"),
        ("Authorization", "mine"),
        ("X-Word", "stays"),
    ];
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .to_vec();
    let request = Request {
        method: "POST".to_owned(),
        body: "body".into(),
        headers,
        ..get(format!("{here}/start"))
    };
    assert_eq!(text(&session, request).await.unwrap(), "landed");
    let (first, second) = (server.seen().remove(0), elsewhere.seen().remove(0));
    assert!(
        first.contains(&format!("authorization: Bearer {SECRET}\r\n"))
            && first.contains("cookie: c=1")
            && !first.contains("mine"),
        "{first}"
    );
    assert!(
        !second.contains("authorization") && !second.contains("cookie") && !second.contains(SECRET),
        "{second}"
    );
    assert!(
        second.contains("x-word: stays") && second.ends_with("body"),
        "{second}"
    );
}

#[tokio::test]
async fn a_secret_goes_out_and_never_comes_back() {
    let server = Server::new(|request| {
        let (left, right) = SECRET.split_at(5);
        let head = format!("HTTP/1.1 200 OK\r\nx-echo: <{SECRET}>\r\nx-{SECRET}: 1\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = |text: String| Bytes::from(format!("{:x}\r\n{text}\r\n", text.len()));
        let coding = if request.contains("/zip") { head.replace("x-echo", "content-encoding: gzip\r\nx-echo") } else { head };
        vec![coding.into(), chunk(format!("a {left}")), chunk(format!("{right} b")), chunk(SECRET.to_owned()), "0\r\n\r\n".into()]
    })
    .await;
    let url = format!("http://api.test:{}", server.port);
    let session = session_with(
        EgressSettings::default(),
        &local(),
        vec![rule(&url)],
        vec![secret(&format!("{url}/key"))],
    );
    let headers = [("Range", "bytes=0-3"), ("Accept-Encoding", "gzip")]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .to_vec();
    let answer = session
        .send(Request {
            headers,
            ..get(format!("{url}/key"))
        })
        .await
        .unwrap();
    assert_eq!(answer.headers().get("x-echo").unwrap(), "<[secret]>");
    assert!(!format!("{:?}", answer.headers()).contains(SECRET));
    assert_eq!(
        text(&session, get(format!("{url}/key"))).await.unwrap(),
        "a [secret] b[secret]"
    );
    let seen = server.seen().remove(0);
    assert!(
        seen.contains(SECRET)
            && !seen.contains("range:")
            && seen.contains("accept-encoding: identity"),
        "{seen}"
    );
    assert!(
        error(&session, get(format!("{url}/key/zip")))
            .await
            .contains("compressed")
    );
    // Beside its destination it does not go out, and would still be taken out.
    assert_eq!(
        text(&session, get(format!("{url}/other"))).await.unwrap(),
        "a [secret] b[secret]"
    );
    assert!(!server.seen().last().unwrap().contains(SECRET));
}

#[tokio::test]
async fn a_secret_in_the_name_that_a_redirect_leads_to_is_not_told() {
    let server = Server::new(|request| {
        let port = request
            .split("api.test:")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next())
            .unwrap_or("1");
        moved(302, &format!("http://{SECRET}.api.test:{port}/"))
    })
    .await;
    let (here, below) = (
        format!("http://api.test:{}", server.port),
        format!("http://*.api.test:{}", server.port),
    );
    let resolver = FakeResolver::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let rules = vec![rule(&here), rule(&below)];
    let session = session_with(
        EgressSettings::default(),
        &resolver,
        rules,
        vec![secret(&here)],
    );
    let error = error(&session, get(&here)).await;
    assert!(
        error.starts_with("[secret] has an address") && !error.contains(SECRET),
        "{error}"
    );
}

#[tokio::test]
async fn https_goes_to_the_checked_address_and_names_the_host() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://api.test:{}", listener.local_addr().unwrap().port());
    let session = session_with(
        EgressSettings::default(),
        &local(),
        vec![rule(&url)],
        Vec::new(),
    );
    let greeting = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut greeting = vec![0; 4096];
        let read = stream.read(&mut greeting).await.unwrap();
        greeting.truncate(read);
        greeting
    };
    let (greeting, error) = tokio::join!(greeting, error(&session, get(&url)));
    assert!(
        greeting.first() == Some(&0x16) && greeting.windows(8).any(|bytes| bytes == b"api.test"),
        "no greeting of TLS: {greeting:?}"
    );
    assert!(error.contains("api.test cannot be reached"), "{error}");
}

#[tokio::test]
async fn a_secret_that_is_not_there_names_its_variable() {
    let resolver = local();
    let grant = SecretGrant {
        variable: "ABSENT".to_owned(),
        ..secret("http://api.test")
    };
    let session = session_with(
        EgressSettings::default(),
        &resolver,
        vec![rule("http://api.test")],
        vec![grant],
    );
    assert!(
        error(&session, get("http://api.test/"))
            .await
            .contains("set ABSENT")
    );
}

#[tokio::test]
async fn every_size_is_bounded() {
    let server = Server::new(|request| match request.split(' ').nth(1).unwrap() {
        "/declared" => vec!["HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".into()],
        "/endless" => std::iter::once("HTTP/1.1 200 OK\r\n\r\n".into())
            .chain((0..64).map(|_| Bytes::from(vec![b'x'; 1024])))
            .collect(),
        "/headers" => vec![format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(12)).into()],
        "/long" => vec![format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(2048)).into()],
        "/flood" => vec![format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(100_000)).into()],
        "/short" => vec!["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".into()],
        _ => ok("fine"),
    })
    .await;
    let url = format!("http://api.test:{}", server.port);
    let config = EgressSettings {
        response_bytes_max: 8192,
        request_bytes_max: 8,
        headers_max: 10,
        header_bytes_max: 1024,
        ..EgressSettings::default()
    };
    let session = session_with(config, &local(), vec![rule(&url)], Vec::new());
    for (path, word) in [
        ("/declared", "response_bytes_max is 8192"),
        ("/endless", "response_bytes_max is 8192"),
        ("/headers", "headers_max is 10"),
        ("/long", "header_bytes_max is 1024"),
        ("/flood", "broke"),
        ("/short", "broke the answer off"),
    ] {
        let error = error(&session, get(format!("{url}{path}"))).await;
        assert!(error.contains(word), "{path}: {error}");
    }
    let long = Request {
        method: "POST".to_owned(),
        body: "123456789".into(),
        ..get(&url)
    };
    assert!(
        error(&session, long)
            .await
            .contains("request_bytes_max is 8")
    );
    assert_eq!(text(&session, get(&url)).await.unwrap(), "fine");
}

#[tokio::test]
async fn every_wait_is_bounded() {
    let server = Server::new(|request| {
        if request.contains("/stall/body") {
            vec!["HTTP/1.1 200 OK\r\n\r\nbegin".into()]
        } else {
            Vec::new()
        }
    })
    .await;
    let url = format!("http://api.test:{}", server.port);
    let idle = EgressSettings {
        idle_timeout: Duration::from_millis(100),
        ..EgressSettings::default()
    };
    let whole = EgressSettings {
        time_max: Duration::from_millis(100),
        ..EgressSettings::default()
    };
    for (config, word) in [(idle, "idle_timeout, 100 ms"), (whole, "time_max")] {
        let session = session_with(config, &local(), vec![rule(&url)], Vec::new());
        for path in ["/stall/head", "/stall/body"] {
            let error = error(&session, get(format!("{url}{path}"))).await;
            assert!(error.contains(word), "{path}: {error}");
        }
    }
    let own = Request {
        timeout: Some(Duration::from_millis(50)),
        ..get(format!("{url}/stall"))
    };
    assert!(
        error(
            &session_with(
                EgressSettings::default(),
                &local(),
                vec![rule(&url)],
                Vec::new()
            ),
            own
        )
        .await
        .contains("50 ms")
    );
}

#[tokio::test]
async fn how_many_requests_there_are_is_bounded() {
    let server = Server::new(|_| ok("fine")).await;
    let url = format!("http://api.test:{}", server.port);
    let config = EgressSettings {
        run_requests_max: 1,
        run_requests_total_max: 3,
        requests_max: 2,
        ..EgressSettings::default()
    };
    let egress = egress(config, &local());
    let grant = Arc::new(EgressGrant {
        rules: vec![rule(&url)],
        secrets: Vec::new(),
    });
    let [one, two, three] = [(); 3].map(|()| egress.session("tool".into(), Arc::clone(&grant)));
    let held = one.send(get(&url)).await.unwrap();
    assert!(
        error(&one, get(&url))
            .await
            .contains("run_requests_max is 1")
    );
    let _other = two.send(get(&url)).await.unwrap();
    assert!(error(&three, get(&url)).await.contains("requests_max is 2"));
    drop(held);
    assert_eq!(text(&one, get(&url)).await.unwrap(), "fine");
    assert_eq!(text(&one, get(&url)).await.unwrap(), "fine");
    assert!(
        error(&one, get(&url))
            .await
            .contains("run_requests_total_max is 3")
    );
}

#[tokio::test]
async fn what_is_malformed_does_not_go_out() {
    let session = session(&["http://api.test".to_owned()]);
    for method in ["", "get", "GET /", "GET\r\n", "CONNECT", "TRACE"] {
        let error = session
            .send(Request {
                method: method.to_owned(),
                ..get("http://api.test/")
            })
            .await
            .err()
            .unwrap();
        assert!(
            matches!(error, EgressError::Method(_) | EgressError::Denied { .. }),
            "{method}: {error}"
        );
    }
    for (name, value) in [
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Host", "evil"),
        ("a", "b\r\nHost: evil"),
    ] {
        let headers = vec![(name.to_owned(), value.as_bytes().to_vec())];
        assert!(
            matches!(
                session
                    .send(Request {
                        headers,
                        ..get("http://api.test/")
                    })
                    .await,
                Err(EgressError::Headers(_))
            ),
            "{name}"
        );
    }
}
