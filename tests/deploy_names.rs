//! Names and paths that a deploy must not use, and clients that must not deploy.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::deploy::{NAME, files};
use crate::support::await_event::{SOON, within};
use crate::support::client::Client;
use crate::support::command::clean;
use crate::support::folder::Folder;
use crate::support::guest::{guest, guest_bytes};
use crate::support::host::TestHost;
use crate::support::raw_client::RawClient;

#[tokio::test]
async fn names_that_shadow_routes_leave_the_folder_or_mislead_are_refused() {
    let host = TestHost::builder()
        .guest_as("echo-relay", NAME)
        .start()
        .await;
    let long = "a".repeat(65);
    let names = [
        "status",
        "V1",
        "Deploy",
        "keys",
        "..%2f..%2fevil",
        "..%5cevil",
        "a%00",
        "%252e%252e",
        "con",
        "NUL.x",
        "C:",
        "C%3A%5Ca",
        "%2fetc%2fevil",
        ".evil",
        "evil.",
        "%D0%B0",
        "%EF%BD%81",
        "a%E2%80%8B",
        "a%20b",
        "a%0d%0ab",
        &long,
    ];
    for name in names {
        for (route, body) in [("deploy", "\0asm"), ("undeploy", "")] {
            let length = body.len();
            let request = format!(
                "POST /{route}/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            let answer = RawClient::send(host.address(), &request)
                .await
                .read_to_end()
                .await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.contains("rename the file"),
                "{route} {name}: {answer}"
            );
        }
    }
    for path in [
        "/deploy/..",
        "/deploy/../../evil",
        "/deploy/",
        "/deploy",
        "/deploy//etc",
        "/deploy/a/b",
    ] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        let answer = RawClient::send(host.address(), &request)
            .await
            .read_to_end()
            .await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
    let reply = host.client.deploy("LIVE", guest_bytes("echo-relay")).await;
    assert!(
        reply.status == 409 && reply.error().contains("'live'"),
        "{}",
        reply.body
    );
    std::fs::copy(guest("echo-relay"), host.plugin_file("Live")).unwrap();
    host.logs
        .line(&["not deployed", "differ in case", "Live"])
        .await;
    assert_eq!(
        files(&host),
        BTreeSet::from(["live.wasm", "Live.wasm"].map(str::to_owned)),
        "a refused name left a file"
    );
}

#[tokio::test]
async fn web_pages_and_other_machines_cannot_deploy() {
    let host = TestHost::builder().start().await;
    for route in ["/deploy/live", "/undeploy/live"] {
        let headers = [("origin", "http://127.0.0.1:1416".to_owned())];
        let reply = host.client.send_with("POST", route, &headers, "").await;
        assert!(
            reply.status == 403 && reply.error().contains("web page"),
            "{}",
            reply.body
        );
    }

    let folder = Folder::fresh();
    let mut command = clean(Command::new(env!("CARGO_BIN_EXE_hayrick")));
    command
        .args(["serve", "--host", "0.0.0.0", "--port", "0", "--insecure"])
        .current_dir(folder.path());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let greeting = within("the greeting", SOON, stdout.next_line())
        .await
        .unwrap()
        .unwrap();
    let client = Client::new(&format!(
        "http://127.0.0.1:{}",
        greeting.rsplit(':').next().unwrap()
    ));
    let reply = client.deploy(NAME, guest_bytes("echo-relay")).await;
    assert!(
        reply.status == 403
            && reply
                .error()
                .contains("the API key does not have the scope 'deploy'"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn pipes_and_folders_are_ignored_and_links_are_followed() {
    let host = TestHost::builder().start().await;
    assert!(
        std::process::Command::new("mkfifo")
            .arg(host.plugin_file("pipe"))
            .status()
            .unwrap()
            .success()
    );
    std::fs::create_dir(host.plugin_file("folder")).unwrap();
    let target = host.scratch_file("elsewhere.wasm");
    std::fs::copy(guest("echo-relay"), &target).unwrap();
    symlink(&target, host.plugin_file(NAME)).unwrap();
    host.serves_version(NAME, 1).await;
    assert_eq!(
        host.client.chat(NAME, "echo:through a link").await.text(),
        "through a link"
    );

    assert_eq!(
        host.client
            .deploy(NAME, guest_bytes("counter"))
            .await
            .status,
        200
    );
    assert_eq!(
        std::fs::read(&target).unwrap(),
        guest_bytes("echo-relay"),
        "a deploy wrote through a link"
    );
    assert!(
        !std::fs::symlink_metadata(host.plugin_file(NAME))
            .unwrap()
            .is_symlink()
    );
    let reply = host.client.deploy("folder", guest_bytes("counter")).await;
    assert!(
        reply.status == 500 && reply.error().contains("plugins folder"),
        "{}",
        reply.body
    );
}
