//! Rate limits of keys, and what a web page must not do.

use crate::support::await_event::{SOON, eventually};
use crate::support::client::{Reply, chat_body, stream_body};
use crate::support::command::hayrick;
use crate::support::folder::Folder;
use crate::support::host::TestHost;
use crate::support::keys::{MANY_FAILURES, REQUIRED, create_key};

#[track_caller]
fn is_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (status, Some(code)),
        "{}",
        reply.body
    );
}

#[track_caller]
fn is_limited(reply: &Reply) {
    is_refused(reply, 429, "rate_limit_exceeded");
    let seconds = reply.header("retry-after").map(str::parse::<u64>);
    assert!(
        matches!(seconds, Some(Ok(1..))),
        "Retry-After is {seconds:?}"
    );
}

#[tokio::test]
async fn rate_limits_apply_per_key() {
    let host = TestHost::builder().config(REQUIRED).start().await;
    // The check that the key is accepted is one of the three requests.
    let (slow, other) = (
        create_key(&host.data_path(""), &["--rate", "3/h"]),
        host.create_key(&["--rate", "1000/h", "--burst", "2"]).await,
    );
    let ask = async |key: &str| host.as_key(key, "GET", "/status", "").await;
    for _ in 0..3 {
        assert_eq!(ask(&slow.key).await.status, 200);
    }
    let refused = ask(&slow.key).await;
    is_limited(&refused);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(
        (1100..=1200).contains(&wait),
        "three an hour is one in 20 minutes, not {wait} s"
    );
    assert_eq!(ask(&other.key).await.status, 200);
    is_limited(&ask(&other.key).await);
    assert_eq!(counted(&host, "keys.rate").await, 2);
}

/// How often clients reached a limit, read with a key that may see it.
async fn counted(host: &TestHost, limit: &str) -> u64 {
    let admin = host.create_key(&["--scope", "admin"]).await;
    let page = eventually("the metrics page", SOON, async || {
        let reply = host.as_key(&admin.key, "GET", "/metrics", "").await;
        (reply.status == 200).then_some(reply.body)
    })
    .await;
    let name = format!("hayrick_limit_reached_total{{limit=\"{limit}\",pipeline=\"\"}} ");
    let number = page.lines().find_map(|line| line.strip_prefix(&name));
    number.map_or(0, |number| number.parse().unwrap())
}

#[tokio::test]
async fn concurrent_answers_are_limited_per_key() {
    let host = TestHost::builder()
        .guest("slow-stream")
        .config(REQUIRED)
        .start()
        .await;
    let made = host.create_key(&["--concurrency", "1"]).await;
    let headers = [("authorization", format!("Bearer {}", made.key))];
    let body = stream_body("slow-stream", "100000").to_string();
    let mut streaming = host
        .client
        .open("POST", "/v1/chat/completions", &headers, &body)
        .await;
    assert_eq!(streaming.status(), 200);
    streaming.chunk().await.unwrap().unwrap();
    is_limited(&host.as_key(&made.key, "GET", "/status", "").await);
    assert_eq!(counted(&host, "keys.concurrency_max").await, 1);
    // Another key, and no key.
    let other = host.create_key(&[]).await;
    assert_eq!(
        host.as_key(&other.key, "GET", "/status", "").await.status,
        200
    );
    drop(streaming);
    eventually("its slot is free", SOON, async || {
        (host.as_key(&made.key, "GET", "/status", "").await.status == 200).then_some(())
    })
    .await;
    // An answer that is not streamed frees its slot, too.
    for _ in 0..5 {
        let reply = host
            .as_key(
                &made.key,
                "POST",
                "/v1/chat/completions",
                &chat_body("slow-stream", "1").to_string(),
            )
            .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

#[tokio::test]
async fn guessing_keys_is_rate_limited_and_does_not_flood_the_log() {
    let host = TestHost::builder()
        .config("[keys]\nrequired = true\nfailures_per_minute = 30")
        .start()
        .await;
    let made = create_key(&host.data_path(""), &[]);
    let mut statuses = Vec::new();
    for number in 0..200 {
        let reply = host
            .as_key(
                &format!("hrk_000000000000_{number:064}"),
                "GET",
                "/status",
                "",
            )
            .await;
        if reply.status == 429 {
            is_limited(&reply);
        }
        statuses.push(reply.status);
    }
    assert!(
        statuses[..30].iter().all(|status| *status == 401) && statuses.contains(&429),
        "{statuses:?}"
    );
    let lines = host
        .logs
        .lines()
        .into_iter()
        .filter(|line| line.contains("a request had no valid API key"))
        .count();
    assert!((1..20).contains(&lines), "{lines} lines of 200");
    // Other clients may share the address.
    let is_let_in =
        async || (host.as_key(&made.key, "GET", "/status", "").await.status == 200).then_some(());
    eventually("the valid key is accepted", SOON, is_let_in).await;
    assert!(counted(&host, "keys.failures_per_minute").await > 0);
}

fn refuses_to_start(args: &[&str], data_dir: &Folder, cure: &str) {
    let path = data_dir.path().to_str().unwrap();
    let ended = hayrick(
        &[
            &[
                "serve",
                "--port",
                "0",
                "--data-dir",
                path,
                "--plugins-dir",
                path,
            ],
            args,
        ]
        .concat(),
    );
    assert!(
        ended.code == Some(2) && ended.stderr.contains(cure),
        "{ended:?}"
    );
}

#[test]
fn a_public_address_needs_a_usable_key() {
    let folder = Folder::fresh();
    refuses_to_start(&["--host", "0.0.0.0"], &folder, "hayrick keys create");
    let made = create_key(folder.path(), &["--expires", "1ms"]);
    refuses_to_start(&["--host", "0.0.0.0"], &folder, "hayrick keys create");
    crate::support::keys::keys(folder.path(), &["revoke", &made.id]);
    refuses_to_start(&["--host", "::"], &folder, "hayrick keys create");
    std::fs::write(folder.path().join("keys.json"), "{}").unwrap();
    refuses_to_start(&["--host", "0.0.0.0"], &folder, "damaged");
}

#[tokio::test]
async fn with_a_usable_key_a_public_address_requires_keys() {
    let folder = Folder::fresh();
    let made = create_key(folder.path(), &[]);
    let host = TestHost::builder()
        .data_dir(folder.path())
        .listen("0.0.0.0")
        .start()
        .await;
    is_refused(&host.client.get("/status").await, 401, "invalid_api_key");
    assert_eq!(
        host.as_key(&made.key, "GET", "/status", "").await.status,
        200
    );
    assert!(
        !host
            .logs
            .lines()
            .iter()
            .any(|line| line.contains("INSECURE"))
    );
}

#[tokio::test]
async fn insecure_mode_warns_and_still_rejects_invalid_keys() {
    let bound = "[keys]\nfailures_per_minute = 1000\nanonymous_per_minute = 20";
    let host = TestHost::builder()
        .config(bound)
        .listen("0.0.0.0")
        .variable("HAYRICK_INSECURE", "true")
        .start()
        .await;
    host.logs.line(&["INSECURE", "without a key"]).await;
    assert_eq!(host.client.get("/status").await.status, 200);
    let made = host.create_key(&[]).await;
    is_refused(
        &host.as_key("unused", "GET", "/status", "").await,
        401,
        "invalid_api_key",
    );
    for _ in 1..20 {
        host.client.get("/status").await;
    }
    is_limited(&host.client.get("/status").await);
    assert!(counted(&host, "keys.anonymous_per_minute").await > 0);
    assert_eq!(
        host.as_key(&made.key, "GET", "/status", "").await.status,
        200,
        "keys are counted separately"
    );
}

#[tokio::test]
async fn a_web_page_cannot_use_an_open_server() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(MANY_FAILURES)
        .start()
        .await;
    let chat = chat_body("echo-relay", "echo:hi").to_string();
    let ask = async |headers: &[(&str, &str)]| {
        let headers: Vec<(&str, String)> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        host.client
            .send_with("POST", "/v1/chat/completions", &headers, &chat)
            .await
    };
    let own = host.base_url();
    for headers in [
        &[("host", "localhost:1")][..],
        &[("host", "[::1]")],
        &[("origin", own.as_str())],
    ] {
        assert_eq!(ask(headers).await.status, 200, "{headers:?}");
    }
    let rebound = ask(&[("host", "evil.example:1416")]).await;
    is_refused(&rebound, 403, "host_not_allowed");
    assert!(
        rebound.error().contains("allowed_hosts"),
        "{}",
        rebound.body
    );
    let both = [("host", "evil.example"), ("origin", "http://evil.example")];
    is_refused(&ask(&both).await, 403, "host_not_allowed");
    for origin in ["https://evil.example", "null", "http://localhost:3000"] {
        let refused = ask(&[("origin", origin)]).await;
        is_refused(&refused, 403, "origin_not_allowed");
        assert!(
            refused.error().contains("cors_origins")
                && refused.header("access-control-allow-origin").is_none(),
            "{refused:?}"
        );
    }
    // A page from another origin cannot know a key.
    let made = host.create_key(&[]).await;
    let reply = ask(&[
        ("origin", "https://evil.example"),
        ("host", "evil.example"),
        ("x-api-key", &made.key),
    ])
    .await;
    assert_eq!(reply.text(), "hi");
    let preflight = host
        .client
        .send_with(
            "OPTIONS",
            "/v1/chat/completions",
            &[("origin", "https://evil.example".to_owned())],
            "",
        )
        .await;
    assert!(
        preflight.header("access-control-allow-origin").is_none(),
        "{preflight:?}"
    );
}

#[tokio::test]
async fn a_page_from_an_allowed_origin_can_read_answers() {
    let config =
        "[server]\ncors_origins = ['https://chat.example']\nallowed_hosts = ['hay.example']";
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(config)
        .start()
        .await;
    let origin = |origin: &str| vec![("origin", origin.to_owned())];
    let mut preflight = origin("https://chat.example");
    preflight.extend([
        ("access-control-request-method", "POST".to_owned()),
        (
            "access-control-request-headers",
            "authorization,x-stainless-os".to_owned(),
        ),
    ]);
    let answer = host
        .client
        .send_with("OPTIONS", "/v1/chat/completions", &preflight, "")
        .await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://chat.example"),
        "{answer:?}"
    );
    assert!(
        answer
            .header("access-control-allow-headers")
            .is_some_and(|names| names.contains("authorization")),
        "{answer:?}"
    );
    assert!(
        answer.header("access-control-allow-credentials").is_none(),
        "{answer:?}"
    );
    let chat = chat_body("echo-relay", "echo:hi").to_string();
    let mut headers = origin("https://chat.example");
    headers.push(("host", "hay.example".to_owned()));
    let answer = host
        .client
        .send_with("POST", "/v1/chat/completions", &headers, &chat)
        .await;
    assert_eq!(
        (
            answer.text().as_str(),
            answer.header("access-control-allow-origin")
        ),
        ("hi", Some("https://chat.example"))
    );
    // The page can also read a refusal.
    let refused = host
        .client
        .send_with("GET", "/nowhere", &origin("https://chat.example"), "")
        .await;
    assert_eq!(
        (
            refused.status,
            refused.header("access-control-allow-origin")
        ),
        (404, Some("https://chat.example"))
    );
    let other = host
        .client
        .send_with(
            "POST",
            "/v1/chat/completions",
            &origin("https://evil.example"),
            &chat,
        )
        .await;
    assert!(
        other.status == 403 && other.header("access-control-allow-origin").is_none(),
        "{other:?}"
    );
}

#[test]
fn a_wildcard_origin_and_a_non_boolean_flag_are_rejected() {
    let folder = Folder::fresh();
    let file = folder.path().join("hayrick.toml");
    std::fs::write(
        &file,
        "[server]\ncors_origins = ['*']\n[keys]\nrequired = 'yes'\n",
    )
    .unwrap();
    let config = file.to_str().unwrap();
    refuses_to_start(&["--config", config], &folder, "server.cors_origins");
    refuses_to_start(&["--config", config], &folder, "keys.required");
}
