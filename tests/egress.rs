//! The HTTP requests of plugins, by `http` and by `wasi:http`, with the same rules, limits and
//! secrets.

use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually};
use crate::support::client::Reply;
use crate::support::fake_site::{Answer, FakeSite, Then};
use crate::support::host::{TestHost, TestHostBuilder};

pub const FETCH: &str = "fetch";

pub const WASI: &str = "fetch-wasi";

const SECRET: &str = "sk-hunter2-hunter2";

const METADATA: &str = "http://169.254.169.254/latest/meta-data/";

/// Both guests, with this policy.
pub fn both(policy: &str) -> TestHostBuilder {
    TestHost::builder()
        .guest(FETCH)
        .policy(FETCH, policy)
        .guest(WASI)
        .policy(WASI, policy)
}

/// A GET request of either guest.
pub async fn get(host: &TestHost, guest: &str, url: &str) -> Reply {
    let text = if guest == FETCH {
        format!("get:{url}")
    } else {
        format!("GET {url}")
    };
    host.client.chat(guest, &text).await
}

pub async fn send(host: &TestHost, request: Value) -> Reply {
    host.client.chat(FETCH, &format!("send:{request}")).await
}

/// What a guest got: status, headers and body.
pub fn got(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.text()).unwrap()
}

pub fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn a_plugin_that_imports_http_is_refused_until_it_is_granted() {
    let host = TestHost::builder().guest(FETCH).guest(WASI).start().await;
    for guest in [FETCH, WASI] {
        let reason = host.refusal(guest).await;
        assert!(reason.contains("asks for http"), "{guest}: {reason}");
    }
}

#[tokio::test]
async fn requests_without_a_matching_rule_are_denied_with_the_rule_to_add() {
    let site = FakeSite::start(|_, _| Answer::ok("inside")).await;
    let host = both("interfaces = ['http']").start().await;
    let reply = get(&host, FETCH, &site.url("/a?key=1")).await;
    assert_eq!(reply.status, 403, "{}", reply.body);
    for fragments in [
        "plugins/fetch.toml",
        "[[egress]]",
        "host = \"127.0.0.1\"",
        &format!("port = {}", site.port),
    ] {
        assert!(
            reply.error().contains(fragments),
            "{fragments}: {}",
            reply.body
        );
    }
    let reply = get(&host, WASI, &site.url("/")).await;
    assert!(
        reply.error().contains("HttpRequestDenied"),
        "{}",
        reply.body
    );
    assert_eq!(site.seen().len(), 0);
    // A new rule is picked up like a changed file, and the denied request then works.
    std::fs::write(host.policy_file(FETCH), site.policy("")).unwrap();
    eventually("the rule", SOON, async || {
        (get(&host, FETCH, &site.url("/")).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn granted_requests_are_framed_by_the_host() {
    let site = FakeSite::start(|_, _| {
        Answer::raw("HTTP/1.1 201 CreatedKey\r\nx-fragment: one\r\nconnection: close\r\n\r\nhello")
    })
    .await;
    // Proxy variables of the environment are ignored.
    let variables = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"].into_iter();
    let host = variables
        .fold(both(&site.policy("")), |host, name| {
            host.variable(name, "http://127.0.0.1:9")
        })
        .start()
        .await;
    let request = json!({"method": "POST", "url": site.url("/a?b"), "headers": [["X-Mine", "1"]], "body": "body"});
    let by_http = got(&send(&host, request).await);
    let by_wasi = got(&host
        .client
        .chat(
            WASI,
            &format!(
                "POST {}\nX-Mine: 1\nContent-Length: 4\n\nbody",
                site.url("/a?b")
            ),
        )
        .await);
    for answer in [by_http, by_wasi] {
        assert_eq!(
            (&answer["status"], &answer["body"]),
            (&json!(201), &json!("hello")),
            "{answer}"
        );
        assert!(
            answer["headers"]
                .as_array()
                .unwrap()
                .contains(&json!(["x-fragment", "one"])),
            "{answer}"
        );
        assert!(
            !answer["headers"].to_string().contains("connection"),
            "{answer}"
        );
    }
    for seen in site.seen() {
        let lower = seen.to_lowercase();
        assert!(
            seen.starts_with("POST /a?b HTTP/1.1\r\n") && seen.ends_with("\r\n\r\nbody"),
            "{seen}"
        );
        for line in [
            format!("host: 127.0.0.1:{}", site.port),
            "content-length: 4".to_owned(),
            "x-mine: 1".to_owned(),
        ] {
            assert_eq!(
                lower.matches(&format!("\r\n{line}\r\n")).count(),
                1,
                "{line}: {seen}"
            );
        }
    }
    assert_eq!(site.seen().len(), 2);
}

#[tokio::test]
async fn unusual_spellings_of_an_address_do_not_bypass_the_rules() {
    let site = FakeSite::start(|_, _| Answer::ok("inside")).await;
    let port = site.port;
    // The name is granted, but its address is loopback and `private` is not set. Metadata is
    // granted as private, but is denied anyway.
    let rules = format!(
        "interfaces = ['http']\n[[egress]]\nscheme = 'http'\nhost = 'localhost'\nport = {port}\n\
         [[egress]]\nscheme = 'http'\nhost = '169.254.169.254'\nprivate = true\n\
         [[egress]]\nscheme = 'http'\nhost = '0.0.0.0'\nport = {port}\nprivate = true"
    );
    let host = both(&rules).start().await;
    let mut urls = vec![
        METADATA.to_owned(),
        "http://0xa9fea9fe/".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
    ];
    let hosts = [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "127.1",
        "0.0.0.0",
        "0",
        "localhost.",
    ];
    let hosts = hosts.into_iter().chain([
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::1]",
        "localhost@127.0.0.1",
    ]);
    urls.extend(hosts.map(|host| format!("http://{host}:{port}/")));
    for url in urls {
        let reply = get(&host, FETCH, &url).await;
        assert!(matches!(reply.status, 400 | 403), "{url}: {}", reply.body);
        let reply = get(&host, WASI, &url).await;
        assert_eq!(reply.status, 500, "{url}: {}", reply.body);
        let error = reply.error();
        let codes = [
            "HttpRequestDenied",
            "DestinationIpProhibited",
            "HttpRequestUriInvalid",
            "authority: \"refused\"",
        ];
        assert!(
            codes.iter().any(|code| error.contains(code)),
            "{url}: {error}"
        );
    }
    assert_eq!(site.seen(), [""; 0]);
}

#[tokio::test]
async fn every_redirect_is_authorised_again_and_wasi_receives_it_unfollowed() {
    let site = FakeSite::start(|request, port| match path(request) {
        "/metadata" => Answer::moved(302, METADATA),
        "/elsewhere" => Answer::moved(307, &format!("http://localhost:{port}/landed")),
        "/loop" => Answer::moved(302, "/loop"),
        "/here" => Answer::moved(303, "/landed"),
        _ => Answer::ok("landed"),
    })
    .await;
    let host = both(&site.policy("")).start().await;
    for there in ["/metadata", "/elsewhere"] {
        let reply = get(&host, FETCH, &site.url(there)).await;
        assert!(
            reply.status == 403 && reply.error().contains("where a redirect leads"),
            "{there}: {}",
            reply.body
        );
    }
    assert!(
        get(&host, FETCH, &site.url("/loop"))
            .await
            .error()
            .contains("redirects_max")
    );
    let request = json!({"method": "POST", "url": site.url("/here"), "body": "body"});
    assert_eq!(got(&send(&host, request).await)["body"], "landed");
    let last = site.seen().pop().unwrap();
    assert!(
        last.starts_with("GET /landed") && !last.contains("body"),
        "{last}"
    );
    let answer = got(&get(&host, WASI, &site.url("/metadata")).await);
    assert_eq!(answer["status"], 302);
    assert!(
        answer["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["location", METADATA])),
        "{answer}"
    );
}

#[tokio::test]
async fn a_secret_is_only_added_to_its_destination_and_hidden_from_the_plugin() {
    let site = FakeSite::start(|request, _| {
        let echoed = request
            .lines()
            .find_map(|line| line.strip_prefix("authorization: "))
            .unwrap_or("nothing")
            .to_owned();
        let (left, right) = echoed.split_at(echoed.len() / 2);
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let head =
            format!("HTTP/1.1 200 OK\r\nx-echo: {echoed}\r\ntransfer-encoding: chunked\r\n\r\n");
        Answer {
            pieces: vec![head, chunk(left), chunk(right), "0\r\n\r\n".to_owned()],
            then: Then::Close,
        }
    })
    .await;
    let key = format!(
        "[secrets.key]\nenv = 'TEST_KEY'\nto = '{}'",
        site.url("/key")
    );
    let host = both(&site.policy(&key))
        .variable("TEST_KEY", SECRET)
        .start()
        .await;
    for guest in [FETCH, WASI] {
        let answer = got(&get(&host, guest, &site.url("/key/a")).await);
        assert_eq!(answer["body"], "Bearer [secret]", "{guest}");
        assert!(
            answer["headers"]
                .as_array()
                .unwrap()
                .contains(&json!(["x-echo", "Bearer [secret]"])),
            "{answer}"
        );
        assert!(
            site.seen()
                .pop()
                .unwrap()
                .contains(&format!("authorization: Bearer {SECRET}\r\n")),
            "{guest}"
        );
        assert_eq!(
            got(&get(&host, guest, &site.url("/other")).await)["body"],
            "nothing",
            "{guest}"
        );
    }
    // A placeholder that the plugin sends is replaced.
    let request = json!({"method": "GET", "url": site.url("/key"), "headers": [["Authorization", "Bearer placeholder"]]});
    assert_eq!(got(&send(&host, request).await)["body"], "Bearer [secret]");
    assert!(!host.logs.tail().contains(SECRET));
}

#[tokio::test]
async fn a_secret_whose_variable_is_not_set_is_a_policy_mistake() {
    let site = FakeSite::start(|_, _| Answer::ok("")).await;
    let key = format!(
        "[secrets.key]\nenv = 'ABSENT_KEY'\nto = '{}'\n[[egress]]\nhost = '127.1'",
        site.url("/")
    );
    let host = TestHost::builder()
        .guest(FETCH)
        .policy(FETCH, &site.policy(&key))
        .start()
        .await;
    let reason = host.refusal(FETCH).await;
    for fragments in [
        "secrets.key.env: the variable ABSENT_KEY is not set",
        "egress[2].host: '127.1' is an unusual form",
    ] {
        assert!(reason.contains(fragments), "{fragments}: {reason}");
    }
}
