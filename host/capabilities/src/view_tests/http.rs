//! `http`: only granted destinations, read by handles.

use std::sync::Arc;

use hayrick_types::egress::grant::EgressGrant;
use hayrick_types::egress::rule::EgressRule;
use hayrick_types::policy::Policy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::bindings::hayrick::pipeline::http::Request;
use crate::bindings::hayrick::pipeline::types::FailureKind;
use crate::bindings::sync::hayrick::pipeline_sync::http::{Host as _, HostIncoming as _};
use crate::http::view;
use crate::view_tests::{Host, assert_failure, policy};

/// A server that greets whoever asks, and its URL.
async fn site() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-site: yes\r\n\r\nhello";
            let _ = stream.write_all(response).await;
        }
    });
    (url, task)
}

fn get(url: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
    }
}

fn granting(url: &str, private: bool) -> Policy {
    let rule = EgressRule {
        private,
        ..EgressRule::parse(url).unwrap()
    };
    Policy {
        egress: Arc::new(EgressGrant {
            rules: vec![rule],
            secrets: Vec::new(),
        }),
        ..policy()
    }
}

#[tokio::test]
async fn what_is_not_granted_is_denied_and_says_what_to_write() {
    let (url, _site) = site().await;
    let host = Host::start().await;
    let mut run = host.run("echo", &policy());
    let denied = view(&mut run).send(get(&url)).await.unwrap().unwrap_err();
    assert_failure(&denied, FailureKind::Denied, "plugins/echo.toml");
    // A rule for the host is not enough for an address of this machine.
    let mut run = host.run("echo", &granting(&url, false));
    let denied = view(&mut run).send(get(&url)).await.unwrap().unwrap_err();
    assert_failure(&denied, FailureKind::Denied, "private = true");
}

#[tokio::test]
async fn a_granted_answer_is_read_by_its_handle() {
    let (url, _site) = site().await;
    let host = Host::start().await;
    let mut run = host.run("echo", &granting(&url, true));
    let handle = view(&mut run).send(get(&url)).await.unwrap().unwrap();
    let number = handle.rep();
    let copy = || wasmtime::component::Resource::new_own(number);
    assert_eq!(view(&mut run).status(copy()).await.unwrap(), 200);
    let headers = view(&mut run).headers(copy()).await.unwrap();
    assert!(headers.contains(&("x-site".to_owned(), "yes".to_owned())));
    let mut body = Vec::new();
    loop {
        let piece = view(&mut run).read(copy(), 3).await.unwrap().unwrap();
        assert!(piece.len() <= 3);
        if piece.is_empty() {
            break;
        }
        body.extend(piece);
    }
    assert_eq!(body, b"hello");
    let unknown = wasmtime::component::Resource::new_own(number + 1);
    assert!(view(&mut run).status(unknown).await.is_err());
}
