//! Sizes, waits and numbers of requests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hayrick_types::egress::grant::EgressGrant;

use crate::egress::request::Request;
use crate::egress::tests::{Server, egress, error, get, local, ok, rule, session_with, text};
use hayrick_types::settings::egress::EgressSettings;

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
    for (path, fragment) in [
        ("/declared", "response_bytes_max is 8192"),
        ("/endless", "response_bytes_max is 8192"),
        ("/headers", "headers_max is 10"),
        ("/long", "header_bytes_max is 1024"),
        ("/flood", "in the middle of its answer"),
        ("/short", "in the middle of its answer"),
    ] {
        let error = error(&session, get(format!("{url}{path}"))).await;
        assert!(error.contains(fragment), "{path}: {error}");
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
    for (config, fragment) in [(idle, "idle_timeout, 100 ms"), (whole, "time_max")] {
        let session = session_with(config, &local(), vec![rule(&url)], Vec::new());
        for path in ["/stall/head", "/stall/body"] {
            let error = error(&session, get(format!("{url}{path}"))).await;
            assert!(error.contains(fragment), "{path}: {error}");
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
