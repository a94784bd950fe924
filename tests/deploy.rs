//! Deploys over HTTP and by command: names, races, refusals, kills.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::await_event::{SOON, eventually};
use crate::support::client::Reply;
use crate::support::command::hayrick;
use crate::support::guest::{guest, guest_bytes};
use crate::support::host::TestHost;
use crate::support::metrics::reached;
use crate::support::raw_client::RawClient;
use crate::support::wasm::bomb;

/// The pipeline name used in these tests.
pub const NAME: &str = "live";

/// The SHA-256 of a guest, as printed by `hayrick inspect`.
fn digest(name: &str) -> String {
    let ended = hayrick(&["inspect", "--json", &guest(name).display().to_string()]);
    serde_json::from_str::<Value>(&ended.stdout).unwrap()["digest"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The files in the plugins folder.
pub fn files(host: &TestHost) -> BTreeSet<String> {
    let folder = host.plugin_file(NAME).parent().unwrap().to_owned();
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

pub async fn undeploy(host: &TestHost, name: &str) -> Reply {
    host.client
        .send("POST", &format!("/undeploy/{name}"), "")
        .await
}

#[tokio::test]
async fn a_deploy_is_answered_once_the_version_is_serving() {
    let host = TestHost::builder().start().await;
    let reply = host.client.deploy(NAME, guest_bytes("echo-relay")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        host.client.chat(NAME, "echo:at once").await.text(),
        "at once"
    );
    let status = reply.json();
    assert_eq!(
        (&status["name"], &status["state"]),
        (&NAME.into(), &"ready".into())
    );
    assert_eq!(
        (&status["version"]["number"], &status["version"]["digest"]),
        (&1.into(), &digest("echo-relay").into())
    );
    assert_eq!(
        std::fs::read(host.plugin_file(NAME)).unwrap(),
        guest_bytes("echo-relay")
    );

    let reply = host.client.deploy(NAME, guest_bytes("counter")).await;
    assert_eq!(
        (reply.status, &reply.json()["version"]["number"]),
        (200, &2.into()),
        "{}",
        reply.body
    );
    // The same file is not a new version, not even for the watcher, which saw the files change in
    // the meantime.
    let reply = host.client.deploy(NAME, guest_bytes("counter")).await;
    assert_eq!(
        (reply.status, &reply.json()["version"]["number"]),
        (200, &2.into()),
        "{}",
        reply.body
    );
    assert_eq!(
        files(&host),
        BTreeSet::from(["live.wasm".to_owned()]),
        "a deploy left files behind"
    );
}

#[tokio::test]
async fn a_refused_deploy_changes_nothing_and_returns_the_reason() {
    let host = TestHost::builder()
        .guest_as("echo-relay", NAME)
        .limits("setup_time_max = '500ms'")
        .start()
        .await;
    let mut cut = guest_bytes("counter");
    cut.truncate(cut.len() / 2);
    let cases = [
        (Vec::new(), "empty"),
        (b"#!/bin/sh\n".to_vec(), "not a WebAssembly file"),
        (b"\0asm\x01\0\0\0".to_vec(), "wasm32-wasip2"),
        (cut, "the file is truncated"),
        (guest_bytes("no-lifecycle"), "lifecycle"),
        (guest_bytes("ungranted-import"), "does not provide"),
        (guest_bytes("fail-in-setup"), "setup failed"),
        (guest_bytes("spin-in-setup"), "setup_time_max"),
    ];
    for (component, fragment) in cases {
        for name in [NAME, "new"] {
            let reply = host.client.deploy(name, component.clone()).await;
            assert!(
                reply.status == 422 && reply.error().contains(fragment),
                "{name}: {fragment}: {}",
                reply.body
            );
        }
        assert_eq!(
            host.client
                .chat(NAME, "echo:still the old one")
                .await
                .text(),
            "still the old one",
            "{fragment}"
        );
    }
    assert_eq!(
        std::fs::read(host.plugin_file(NAME)).unwrap(),
        guest_bytes("echo-relay")
    );
    assert!(host.client.status("new").await.is_none());
    assert_eq!(
        host.client.status(NAME).await.unwrap()["version"]["number"],
        1
    );
    assert_eq!(files(&host), BTreeSet::from(["live.wasm".to_owned()]));
}

#[tokio::test]
async fn oversized_and_incomplete_components_leave_no_files() {
    let host = TestHost::builder()
        .limits("component_bytes_max = 100000")
        .start()
        .await;
    let reply = host.client.deploy(NAME, vec![0; 100_001]).await;
    assert!(
        reply.status == 413 && reply.error().contains("component_bytes_max"),
        "{}",
        reply.body
    );
    assert_eq!(reached(&host, "component_bytes_max", "").await, 1);
    let half = half_deploy(&host, NAME, "").await;
    let is_aside = |name: &String| name.starts_with(".deploy-");
    eventually("the upload is being received", SOON, async || {
        files(&host).iter().any(is_aside).then_some(())
    })
    .await;
    drop(half);
    eventually("the partial file is removed", SOON, async || {
        files(&host).is_empty().then_some(())
    })
    .await;
}

/// A request that announces a component and sends only its first bytes.
async fn half_deploy(host: &TestHost, name: &str, headers: &str) -> RawClient {
    let head = format!(
        "POST /deploy/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: 50000\r\n\r\n\0asm"
    );
    RawClient::send(host.address(), &head).await
}

#[tokio::test]
async fn concurrent_deploys_are_limited_and_stalled_clients_time_out() {
    let host = TestHost::builder()
        .config("[server]\nupload_stall_timeout = '1s'")
        .start()
        .await;
    let mut halves = Vec::new();
    let key = host.create_key(&["--scope", "deploy"]).await.key;
    let with_key = format!("Authorization: Bearer {key}\r\n");
    for (number, headers) in (0..8).zip([&*with_key, &with_key, "", "", "", "", "", ""]) {
        halves.push(half_deploy(&host, &format!("half-{number}"), headers).await);
    }
    eventually("all uploads are being received", SOON, async || {
        (files(&host).len() == 8).then_some(())
    })
    .await;
    let reply = host.client.deploy(NAME, guest_bytes("echo-relay")).await;
    assert!(
        reply.status == 429 && reply.error().contains("deploys of"),
        "{}",
        reply.body
    );
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reached(&host, "deploys_max", "").await, 1);
    for half in halves {
        let answer = half.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    let reply = host.client.deploy(NAME, guest_bytes("echo-relay")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn the_last_of_two_concurrent_deploys_wins_and_both_answers_are_correct() {
    let host = TestHost::builder()
        .guest_as("echo-relay", NAME)
        .start()
        .await;
    for round in 0..4 {
        let deploy = |guest| host.client.deploy(NAME, guest_bytes(guest));
        let (one, other) = tokio::join!(deploy("counter"), deploy("slow-stream"));
        let mut versions = [
            one.json()["version"].clone(),
            other.json()["version"].clone(),
        ];
        assert_eq!(
            (one.status, other.status),
            (200, 200),
            "{} {}",
            one.body,
            other.body
        );
        assert_eq!(
            [&versions[0]["digest"], &versions[1]["digest"]],
            [&digest("counter"), &digest("slow-stream")],
            "round {round}"
        );
        versions.sort_by_key(|version| version["number"].as_u64());
        let serving = host.client.status(NAME).await.unwrap()["version"].clone();
        assert_eq!(
            serving["digest"], versions[1]["digest"],
            "round {round}: the last deploy is not serving"
        );
        let of_file = if serving["digest"] == digest("counter").as_str() {
            "counter"
        } else {
            "slow-stream"
        };
        assert_eq!(
            std::fs::read(host.plugin_file(NAME)).unwrap(),
            guest_bytes(of_file),
            "round {round}: the file is not the version that is serving"
        );
    }
}

#[tokio::test]
async fn an_acknowledged_deploy_survives_a_kill_and_an_unfinished_one_keeps_the_old_version() {
    let host = TestHost::builder()
        .guest_as("echo-relay", NAME)
        .start()
        .await;
    assert_eq!(
        host.client
            .deploy("kept", guest_bytes("counter"))
            .await
            .status,
        200
    );
    let host = host.kill_and_restart().await;
    assert_eq!(
        host.client.status("kept").await.unwrap()["version"]["digest"],
        digest("counter").as_str()
    );

    let client = host.client.clone();
    let deploy = tokio::spawn(async move {
        client
            .try_send(
                reqwest::Method::POST,
                "/deploy/live",
                &[],
                bomb(12, 2_000_000),
            )
            .await
    });
    let is_compiling =
        async || (!crate::support::process::children(host.pid()).is_empty()).then_some(());
    eventually("the deploy compiles", SOON, is_compiling).await;
    let host = host.kill_and_restart().await;
    assert!(deploy.await.unwrap().is_err(), "a killed host answered");
    assert_eq!(
        host.client.chat(NAME, "echo:the old one").await.text(),
        "the old one"
    );
    assert_eq!(
        std::fs::read(host.plugin_file(NAME)).unwrap(),
        guest_bytes("echo-relay")
    );
}

#[tokio::test]
async fn undeploying_removes_the_file_and_lets_running_answers_finish() {
    let host = TestHost::builder()
        .config("[grants]\nupgrades = 'any'")
        .guest_as("slow-stream", NAME)
        .start()
        .await;
    let mut stream = host.client.stream(NAME, "25").await;
    stream.next_text().await;
    let reply = undeploy(&host, NAME).await;
    assert_eq!(
        (reply.status, &reply.json()["undeployed"]),
        (200, &true.into()),
        "{}",
        reply.body
    );
    assert_eq!(host.client.chat(NAME, "1").await.status, 404);
    assert!(files(&host).is_empty());
    stream.rest_text().await;
    assert_eq!(undeploy(&host, NAME).await.status, 404);
    let again = host.client.deploy(NAME, guest_bytes("echo-relay")).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(host.client.chat(NAME, "echo:back").await.text(), "back");
}

#[tokio::test]
async fn the_deploy_and_undeploy_commands_work() {
    let host = TestHost::builder().start().await;
    let port = host.address().rsplit(':').next().unwrap();
    let path = |name: &str| guest(name).display().to_string();
    let ended = hayrick(&["deploy", &path("echo-relay"), "--port", port]);
    assert!(
        ended.code == Some(0) && ended.stdout.contains(&digest("echo-relay")),
        "{ended:?}"
    );
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.text(), "hi");
    let ended = hayrick(&[
        "deploy",
        &path("no-lifecycle"),
        "--name",
        "echo-relay",
        "--port",
        port,
    ]);
    assert!(
        ended.code == Some(1) && ended.stderr.contains("lifecycle"),
        "{ended:?}"
    );
    for code in [0, 3] {
        let ended = hayrick(&["undeploy", "echo-relay", "--port", port]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
    }
    assert!(host.client.status("echo-relay").await.is_none());
}

#[tokio::test]
async fn neither_a_client_nor_a_name_can_take_all_places_of_deploys() {
    let host = TestHost::builder().start().await;
    let mut halves = Vec::new();
    for _ in 0..8 {
        halves.push(half_deploy(&host, "slow", "").await);
    }
    eventually("two uploads of the name are received", SOON, async || {
        (files(&host).len() == 2).then_some(())
    })
    .await;
    let reply = host.client.deploy(NAME, guest_bytes("echo-relay")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    for number in 0..8 {
        halves.push(half_deploy(&host, &format!("slow-{number}"), "").await);
    }
    eventually("six uploads of the client are received", SOON, async || {
        (files(&host).len() == 7).then_some(())
    })
    .await;
    let key = host.create_key(&["--scope", "deploy"]).await.key;
    let headers = [("authorization", format!("Bearer {key}"))];
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let body = guest_bytes("echo-relay");
    let reply = host
        .client
        .request("POST", "/deploy/other", &headers, body)
        .await;
    assert_eq!(reply.status(), 200);
}

#[tokio::test]
async fn an_upload_that_takes_too_long_in_all_is_given_up() {
    let host = TestHost::builder()
        .config("[server]\ndeploy_time_max = '500ms'")
        .start()
        .await;
    let answer = half_deploy(&host, "slow", "").await.read_to_end().await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("deploy_time_max"),
        "{answer}"
    );
    assert_eq!(reached(&host, "deploy_time_max", "").await, 1);
}
