//! API keys: which are accepted, which are not, and what each key may do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually};
use crate::support::client::{Reply, chat_body};
use crate::support::folder::Folder;
use crate::support::form::{Form, content_type};
use crate::support::host::TestHost;
use crate::support::keys::{MANY_FAILURES, REQUIRED, create_key, keys};

#[track_caller]
fn is_refused(reply: &Reply, status: u16, code: &str) {
    let body = reply.json();
    assert_eq!(
        (reply.status, body["error"]["code"].as_str()),
        (status, Some(code)),
        "{}",
        reply.body
    );
    assert!(
        body["error"]["message"].is_string() && body["error"]["type"].is_string(),
        "{}",
        reply.body
    );
}

fn chat(model: &str) -> String {
    chat_body(model, "echo:hi").to_string()
}

#[tokio::test]
async fn a_valid_key_is_accepted_and_all_invalid_ones_get_the_same_answer() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(REQUIRED)
        .start()
        .await;
    let made = host.create_key(&[]).await;
    let short = create_key(&host.data_path(""), &["--expires", "1ms"]);
    let revoked = host.create_key(&[]).await;
    assert_eq!(
        keys(&host.data_path(""), &["revoke", &revoked.id]).code,
        Some(0)
    );
    eventually("it is revoked", SOON, async || {
        (host.as_key(&revoked.key, "GET", "/status", "").await.status == 401).then_some(())
    })
    .await;

    for headers in [
        vec![("authorization", format!("Bearer {}", made.key))],
        vec![("x-api-key", made.key.clone())],
        vec![
            ("x-api-key", made.key.clone()),
            ("authorization", format!("bearer {}", made.key)),
        ],
    ] {
        let reply = host
            .client
            .send_with(
                "POST",
                "/v1/chat/completions",
                &headers,
                &chat("echo-relay"),
            )
            .await;
        assert_eq!(reply.text(), "hi", "{headers:?}");
    }

    let other_secret = format!("{}{}", &made.key[..17], &revoked.key[17..]);
    let mut seen = Vec::new();
    for headers in [
        vec![],
        vec![("authorization", format!("Bearer {other_secret}"))],
        vec![("authorization", format!("Bearer {}", short.key))],
        vec![("authorization", format!("Bearer {}", revoked.key))],
        vec![(
            "authorization",
            format!("Bearer hrk_000000000000_{}", "0".repeat(64)),
        )],
        vec![("authorization", "Bearer unused".to_owned())],
        vec![("authorization", format!("Basic {}", made.key))],
        vec![("x-api-key", String::new())],
        vec![
            ("authorization", format!("Bearer {}", made.key)),
            ("x-api-key", revoked.key.clone()),
        ],
    ] {
        for (method, path) in [
            ("POST", "/v1/chat/completions"),
            ("GET", "/status"),
            ("GET", "/nowhere"),
            ("DELETE", "/echo-relay/tasks"),
        ] {
            let reply = host
                .client
                .send_with(method, path, &headers, &chat("echo-relay"))
                .await;
            is_refused(&reply, 401, "invalid_api_key");
            assert_eq!(
                reply.header("www-authenticate"),
                Some("Bearer realm=\"hayrick\"")
            );
            seen.push(reply.body);
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "a 401 tells what was wrong: {seen:?}");
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(host.client.get(path).await.status, 200, "{path}");
    }
    let log = host.logs.lines().join("\n");
    for key in [&made.key, &short.key, &revoked.key] {
        assert!(!log.contains(&key[17..]), "the log has a key");
    }
}

#[tokio::test]
async fn loopback_needs_no_key_but_rejects_an_invalid_one() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(MANY_FAILURES)
        .start()
        .await;
    let ours = format!("hrk_000000000000_{}", "0".repeat(64));
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.text(), "hi");
    // Clients of OpenAI's API always send a key.
    assert_eq!(
        host.as_key(
            "unused",
            "POST",
            "/v1/chat/completions",
            &chat("echo-relay")
        )
        .await
        .text(),
        "hi"
    );
    is_refused(
        &host.as_key(&ours, "GET", "/status", "").await,
        401,
        "invalid_api_key",
    );

    let made = host.create_key(&["--scope", "deploy"]).await;
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.text(), "hi");
    is_refused(
        &host.as_key("unused", "GET", "/status", "").await,
        401,
        "invalid_api_key",
    );
    // A key also restricts the client that sends it.
    is_refused(
        &host.as_key(&made.key, "GET", "/status", "").await,
        403,
        "insufficient_scope",
    );
}

#[tokio::test]
async fn keys_are_accepted_and_revoked_within_a_second() {
    let host = TestHost::builder().config(REQUIRED).alone().start().await;
    let made = create_key(&host.data_path(""), &[]);
    let becomes = async |status: u16| {
        let start = host.stopwatch();
        eventually("the server has seen the change", SOON, async || {
            (host.as_key(&made.key, "GET", "/status", "").await.status == status).then_some(())
        })
        .await;
        start.elapsed()
    };
    let opened = becomes(200).await;
    keys(&host.data_path(""), &["revoke", &made.id]);
    let closed = becomes(401).await;
    assert!(
        opened.max(closed) <= Duration::from_secs(1),
        "{opened:?} {closed:?}"
    );
    let host = host.kill_and_restart().await;
    assert_eq!(
        host.as_key(&made.key, "GET", "/status", "").await.status,
        401,
        "a revocation is permanent"
    );
}

/// Method, path, the scope that the request needs, and its status with that scope.
const MATRIX: [(&str, &str, &str, u16); 12] = [
    ("GET", "/status", "invoke", 200),
    ("HEAD", "/status", "invoke", 200),
    ("GET", "/status/echo-relay", "invoke", 200),
    ("GET", "/v1/models", "invoke", 200),
    ("GET", "/models/echo-relay", "invoke", 200),
    ("POST", "/v1/chat/completions", "invoke", 200),
    ("POST", "/echo-relay/files", "invoke", 404),
    ("POST", "/echo-relay/jobs", "invoke", 404),
    ("GET", "/echo-relay/jobs", "invoke", 200),
    ("GET", "/echo-relay/tasks", "invoke", 200),
    ("DELETE", "/echo-relay/tasks?older_than=0", "admin", 200),
    // A method without a route needs the admin scope.
    ("PUT", "/status", "admin", 405),
];

#[tokio::test]
async fn each_scope_allows_its_routes_and_admin_allows_all() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(REQUIRED)
        .start()
        .await;
    let mut made = Vec::new();
    for scope in ["invoke", "deploy", "admin"] {
        made.push((scope, host.create_key(&["--scope", scope]).await.key));
    }
    for (method, path, needed, status) in MATRIX {
        for (scope, key) in &made {
            let reply = host.as_key(key, method, path, &chat("echo-relay")).await;
            if *scope == needed || *scope == "admin" {
                assert_eq!(
                    reply.status, status,
                    "{scope}: {method} {path}: {}",
                    reply.body
                );
            } else {
                assert_eq!(
                    reply.status, 403,
                    "{scope}: {method} {path}: {}",
                    reply.body
                );
                if method != "HEAD" {
                    is_refused(&reply, 403, "insufficient_scope");
                    assert!(
                        reply.error().contains(&format!("'{needed}'")),
                        "{}",
                        reply.body
                    );
                }
            }
        }
    }
    let both = host
        .create_key(&["--scope", "invoke", "--scope", "deploy"])
        .await;
    assert_eq!(
        host.as_key(&both.key, "GET", "/status", "").await.status,
        200
    );
}

#[tokio::test]
async fn a_key_for_some_pipelines_sees_only_those() {
    let host = TestHost::builder()
        .guest_as("job-worker", "mine")
        .guest_as("job-worker", "other")
        .config(REQUIRED)
        .start()
        .await;
    let all = host.create_key(&[]).await;
    let job = host
        .as_key(
            &all.key,
            "POST",
            "/other/jobs",
            r#"{"type": "program", "data": {"do": "return", "value": 1}}"#,
        )
        .await
        .json();
    let job = job["id"].as_str().unwrap();
    let made = host
        .create_key(&[
            "--pipeline",
            "mine",
            "--pipeline",
            "absent",
            "--scope",
            "admin",
        ])
        .await;
    let of =
        async |method: &str, path: &str| host.as_key(&made.key, method, path, &chat("other")).await;
    for (method, path) in [
        ("POST", "/v1/chat/completions".to_owned()),
        ("POST", "/chat/completions".to_owned()),
        ("GET", "/v1/models/other".to_owned()),
        ("GET", "/v1/models/%6Fther".to_owned()),
        ("GET", "/status/other".to_owned()),
        ("POST", "/other/files".to_owned()),
        ("POST", "/other/jobs".to_owned()),
        ("GET", "/other/jobs".to_owned()),
        ("GET", format!("/other/jobs/{job}")),
        ("GET", format!("/other/job/{job}")),
        ("GET", format!("/other/jobs/{job}/events")),
        ("POST", format!("/other/jobs/{job}/cancel")),
        ("POST", format!("/other/job/{job}/retry")),
        ("GET", "/other/tasks".to_owned()),
        ("GET", format!("/other/tasks/{job}")),
        ("DELETE", "/other/tasks?older_than=0".to_owned()),
        // The response does not reveal whether a pipeline of that name exists.
        ("GET", "/status/nobody".to_owned()),
    ] {
        is_refused(&of(method, &path).await, 403, "model_not_allowed");
    }
    let mine = host.as_key(&made.key, "GET", "/mine/jobs", "").await;
    assert_eq!(mine.status, 200, "{}", mine.body);
    assert_eq!(
        host.as_key(&made.key, "GET", "/status/absent", "")
            .await
            .status,
        404
    );
    is_not_refused(
        &host
            .as_key(&made.key, "GET", &format!("/mine/jobs/{job}"), "")
            .await,
    );
    let names = |reply: Reply, list: &str, name: &str| -> Vec<String> {
        reply.json()[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|item: &Value| item[name].as_str().unwrap().to_owned())
            .collect()
    };
    let status = host.as_key(&made.key, "GET", "/status", "").await;
    assert_eq!(status.json()["counts"]["ready"], 1, "{}", status.body);
    assert_eq!(
        status.json()["pipelines"],
        json!(["mine"]),
        "{}",
        status.body
    );
    assert_eq!(names(status, "deployments", "name"), ["mine"]);
    let models = names(
        host.as_key(&made.key, "GET", "/v1/models", "").await,
        "data",
        "id",
    );
    assert!(!models.contains(&"other".to_owned()), "{models:?}");
}

#[track_caller]
fn is_not_refused(reply: &Reply) {
    assert!(
        ![401, 403].contains(&reply.status),
        "{}: {}",
        reply.status,
        reply.body
    );
}

#[tokio::test]
async fn file_uploads_need_a_key() {
    let host = TestHost::builder()
        .guest("files-echo")
        .config(REQUIRED)
        .start()
        .await;
    let made = host.create_key(&["--pipeline", "files-echo"]).await;
    let (kind, form) = (
        content_type(),
        Form::default().file("a.txt", "abc").closed(),
    );
    let headers = [
        ("content-type", kind.as_str()),
        ("x-api-key", made.key.as_str()),
    ];
    let post = async |headers| {
        Reply::read(
            host.client
                .request("POST", "/files-echo/files", headers, form.clone())
                .await,
        )
        .await
    };
    let reply = post(&headers[..]).await;
    assert!(
        reply.status == 200 && reply.body.contains("a.txt"),
        "{}",
        reply.body
    );
    is_refused(&post(&headers[..1]).await, 401, "invalid_api_key");
}

#[tokio::test]
async fn a_damaged_key_file_accepts_no_key() {
    let host = TestHost::builder().config(REQUIRED).start().await;
    let made = host.create_key(&[]).await;
    std::fs::write(host.data_path("keys.json"), "[").unwrap();
    eventually("all keys are rejected", SOON, async || {
        (host.as_key(&made.key, "GET", "/status", "").await.status == 401).then_some(())
    })
    .await;
    host.logs.line(&["no key is accepted"]).await;
    let folder = Folder::fresh();
    std::fs::write(folder.path().join("keys.json"), "[").unwrap();
    let listed = keys(folder.path(), &["list"]);
    assert!(
        listed.code == Some(1) && listed.stderr.contains("damaged"),
        "{listed:?}"
    );
}
