//! What HTTP requests of plugins may contain, and their limits of size and time.

use serde_json::json;

use crate::egress::{FETCH, WASI, both, get, got, path, send};
use crate::support::fake_site::{Answer, FakeSite, Then};
use crate::support::host::TestHost;
use crate::support::metrics::reached;

#[tokio::test]
async fn plugins_cannot_set_framing_headers() {
    let site = FakeSite::start(|_, _| Answer::ok("")).await;
    let host = both(&site.policy("")).start().await;
    let headers = [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Expect",
        "Proxy-Authorization",
    ];
    for name in headers {
        let reply = send(
            &host,
            json!({"method": "POST", "url": site.url("/"), "headers": [[name, "5"]], "body": "x"}),
        )
        .await;
        assert!(
            reply.status == 400 && reply.error().contains("only the host may set"),
            "{name}: {}",
            reply.body
        );
        let reply = host
            .client
            .chat(WASI, &format!("POST {}\n{name}: 5\n\nx", site.url("/")))
            .await;
        // WASI accepts a length and checks the body against it.
        let fragment = if name == "Content-Length" {
            "HttpRequestBodySize"
        } else {
            "Forbidden"
        };
        assert!(
            reply.status == 500 && reply.error().contains(fragment),
            "{name}: {}",
            reply.body
        );
    }
    for (name, value) in [
        ("x\r\nHost", "evil"),
        ("x", "1\r\nHost: evil"),
        ("x", "1\nContent-Length: 0"),
        ("x y", "1"),
        ("", "1"),
    ] {
        let reply = send(
            &host,
            json!({"method": "GET", "url": site.url("/"), "headers": [[name, value]]}),
        )
        .await;
        assert_eq!(reply.status, 400, "{name:?}: {}", reply.body);
    }
    for method in [
        "GET / HTTP/1.1\r\nHost: evil\r\n\r\nGET",
        "get",
        "",
        "CONNECT",
        "TRACE",
    ] {
        let reply = send(&host, json!({"method": method, "url": site.url("/")})).await;
        assert!(
            matches!(reply.status, 400 | 403),
            "{method:?}: {}",
            reply.body
        );
    }
    let reply = send(
        &host,
        json!({"method": "GET", "url": site.url("/ HTTP/1.1\r\nHost: evil\r\n\r\n")}),
    )
    .await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    // No request with a length that does not match its body was sent in full.
    let whole = site
        .seen()
        .into_iter()
        .filter(|request| request.contains("\r\n\r\n") && !request.is_empty());
    assert_eq!(whole.count(), 0, "{:?}", site.seen());
}

#[tokio::test]
async fn size_and_duration_of_a_response_are_limited() {
    let site = FakeSite::start(|request, _| {
        let head = "HTTP/1.1 200 OK\r\n".to_owned();
        let (pieces, then) = match path(request) {
            "/flood" => (vec![head + "\r\n"], Then::Flood),
            "/silent" => (vec![], Then::Stall),
            "/stall" => (vec![head + "\r\nbegin"], Then::Stall),
            "/short" => (vec![head + "content-length: 10\r\n\r\nhalf"], Then::Close),
            "/headers" => (vec![head + &"a: b\r\n".repeat(120) + "\r\n"], Then::Close),
            _ => (vec![head + "content-length: 4\r\n\r\nfine"], Then::Close),
        };
        Answer { pieces, then }
    })
    .await;
    let bounds = "[egress]\nresponse_bytes_max = '1 MiB'\nrequest_bytes_max = 8\ntime_max = '700ms'\nidle_timeout = '500ms'";
    let host = both(&site.policy("")).config(bounds).start().await;
    for (there, status, fragments, code) in [
        (
            "/flood",
            429,
            "response_bytes_max",
            "HTTP response body size exceeds limit: 1048576",
        ),
        ("/silent", 504, "idle_timeout", "HttpResponseTimeout"),
        ("/stall", 504, "idle_timeout", "HTTP response timeout"),
        (
            "/short",
            503,
            "in the middle of its answer",
            "incomplete HTTP response",
        ),
        ("/headers", 429, "headers_max", "headers_max"),
    ] {
        let reply = get(&host, FETCH, &site.url(there)).await;
        assert!(
            reply.status == status && reply.error().contains(fragments),
            "{there}: {} {}",
            reply.status,
            reply.body
        );
        let reply = get(&host, WASI, &site.url(there)).await;
        assert!(
            reply.status == 500 && reply.error().contains(code),
            "{there}: {}",
            reply.body
        );
    }
    let long = json!({"method": "POST", "url": site.url("/"), "body": "123456789"});
    assert!(
        send(&host, long)
            .await
            .error()
            .contains("request_bytes_max is 8")
    );
    let reply = host
        .client
        .chat(WASI, &format!("POST {}\n\n123456789", site.url("/")))
        .await;
    assert!(
        reply.error().contains("HttpRequestBodySize"),
        "{}",
        reply.body
    );
    let quick = json!({"method": "GET", "url": site.url("/silent"), "timeout": 100});
    assert!(send(&host, quick).await.error().contains("100 ms"));
    for guest in [FETCH, WASI] {
        assert_eq!(
            got(&get(&host, guest, &site.url("/")).await)["body"],
            "fine"
        );
    }
    for limit in [
        "egress.response_bytes_max",
        "egress.request_bytes_max",
        "egress.idle_timeout",
        "egress.headers_max",
    ] {
        assert!(reached(&host, limit, FETCH).await > 0, "{limit}");
    }
}

#[tokio::test]
async fn header_size_redirects_and_duration_of_a_request_are_limited() {
    let site = FakeSite::start(|request, _| {
        let head = "HTTP/1.1 200 OK\r\n".to_owned();
        let (pieces, then) = match path(request) {
            "/around" => (
                vec![
                    "HTTP/1.1 302 Found\r\nlocation: /around\r\ncontent-length: 0\r\n\r\n"
                        .to_owned(),
                ],
                Then::Close,
            ),
            "/headers" => (
                vec![head + &format!("a: {}\r\n\r\n", "b".repeat(2000))],
                Then::Close,
            ),
            _ => (vec![head + "\r\nbegin"], Then::Stall),
        };
        Answer { pieces, then }
    })
    .await;
    let bounds = "[egress]\nheader_bytes_max = '1 KiB'\nredirects_max = 2\ntime_max = '300ms'\nidle_timeout = '1h'";
    let host = TestHost::builder()
        .guest(FETCH)
        .policy(FETCH, &site.policy(""))
        .config(bounds)
        .start()
        .await;
    for (there, status, limit) in [
        ("/headers", 429, "egress.header_bytes_max"),
        ("/around", 500, "egress.redirects_max"),
        ("/stall", 504, "egress.time_max"),
    ] {
        let reply = get(&host, FETCH, &site.url(there)).await;
        assert!(
            reply.status == status && reply.error().contains(limit),
            "{there}: {} {}",
            reply.status,
            reply.body
        );
        assert_eq!(reached(&host, limit, FETCH).await, 1, "{limit}");
    }
}

#[tokio::test]
async fn the_number_of_requests_of_a_run_is_limited() {
    let site = FakeSite::start(|request, _| match path(request) {
        "/stall" => Answer {
            pieces: vec!["HTTP/1.1 200 OK\r\n\r\nbegin".to_owned()],
            then: Then::Stall,
        },
        _ => Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    })
    .await;
    let bounds = "[egress]\nrun_requests_max = 3\nrun_requests_total_max = 5\nrequests_max = 4";
    let host = TestHost::builder()
        .guest(FETCH)
        .policy(FETCH, &site.policy(""))
        .config(bounds)
        .start()
        .await;
    let hold = async |count: u32| {
        host.client
            .chat(FETCH, &format!("hold:{count}={}", site.url("/stall")))
            .await
    };
    assert_eq!(hold(3).await.text(), "3");
    let reply = hold(4).await;
    assert!(
        reply.status == 429 && reply.error().contains("run_requests_max is 3"),
        "{}",
        reply.body
    );
    let repeat = async |count: u32| {
        host.client
            .chat(FETCH, &format!("repeat:{count}={}", site.url("/")))
            .await
    };
    assert_eq!(repeat(5).await.text(), "5");
    let reply = repeat(6).await;
    assert!(
        reply.status == 429 && reply.error().contains("run_requests_total_max is 5"),
        "{}",
        reply.body
    );
    // All that a run used is freed when it ends, however it ends.
    for _ in 0..4 {
        assert_eq!(hold(3).await.text(), "3");
    }
    for limit in ["egress.run_requests_max", "egress.run_requests_total_max"] {
        assert_eq!(reached(&host, limit, FETCH).await, 1, "{limit}");
    }
    let host = TestHost::builder()
        .guest(FETCH)
        .policy(FETCH, &site.policy(""))
        .config("[egress]\nrequests_max = 2")
        .start()
        .await;
    let reply = host
        .client
        .chat(FETCH, &format!("hold:3={}", site.url("/stall")))
        .await;
    assert!(
        reply.status == 429 && reply.error().contains("egress.requests_max is 2"),
        "{}",
        reply.body
    );
    assert_eq!(reached(&host, "egress.requests_max", FETCH).await, 1);
}

#[tokio::test]
async fn connecting_has_a_timeout() {
    // The kernel accepts the connection, but nothing answers the TLS handshake.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let policy = format!(
        "interfaces = ['http']\n[[egress]]\nhost = '127.0.0.1'\nport = {port}\nprivate = true"
    );
    let host = TestHost::builder()
        .guest(FETCH)
        .policy(FETCH, &policy)
        .config("[egress]\nconnect_timeout = '300ms'")
        .start()
        .await;
    let reply = get(&host, FETCH, &format!("https://127.0.0.1:{port}/")).await;
    assert!(
        reply.status == 504 && reply.error().contains("egress.connect_timeout"),
        "{}",
        reply.body
    );
    assert_eq!(reached(&host, "egress.connect_timeout", FETCH).await, 1);
}
