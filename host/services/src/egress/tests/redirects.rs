//! Redirects and secrets: what follows, what is added, what is hidden.

use bytes::Bytes;
use hayrick_types::egress::secret::SecretGrant;

use crate::egress::request::Request;
use crate::egress::tests::{
    FakeResolver, SECRET, Server, error, get, local, moved, ok, rule, secret, session,
    session_with, text,
};
use hayrick_types::settings::egress::EgressSettings;

#[tokio::test]
async fn every_redirect_is_authorised_anew() {
    let server = Server::new(|request| {
        let target = request.split(' ').nth(1).unwrap();
        moved(302, target.strip_prefix("/to?").unwrap_or("/to?/"))
    })
    .await;
    let origin = format!("http://api.test:{}", server.port);
    let session = session(&[origin.clone(), "http://169.254.169.254".to_owned()]);
    for (to, fragment) in [
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        ("http://127.0.0.1/", "not granted"),
        ("http://metadata.google.internal/", "not granted"),
        ("file:///etc/passwd", "leads to an invalid address"),
        ("http://user@api.test/", "leads to an invalid address"),
    ] {
        let error = error(&session, get(format!("{origin}/to?{to}"))).await;
        assert!(error.contains(fragment), "{to}: {error}");
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
async fn a_secret_in_the_host_name_of_a_redirect_is_not_shown() {
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
