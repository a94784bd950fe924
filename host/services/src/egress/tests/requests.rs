//! What goes out, and to which address.

use hayrick_types::egress::rule::EgressRule;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::egress::error::EgressError;
use crate::egress::request::Request;
use crate::egress::tests::{
    FakeResolver, Server, error, get, local, moved, ok, rule, session, session_with, text,
};
use hayrick_types::settings::egress::EgressSettings;

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
async fn no_spelling_of_a_local_address_is_reached_without_a_grant() {
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
async fn malformed_requests_are_not_sent() {
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
