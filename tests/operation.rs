//! What an operator does to a running server, and what happens to its log.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::support::await_event::{SOON, eventually, within};
use crate::support::client::{Client, chat_body, stream_body};
use crate::support::command::{clean, hayrick};
use crate::support::folder::Folder;
use crate::support::guest::guest;
use crate::support::host::TestHost;

#[tokio::test]
async fn sighup_ends_nothing_and_sigquit_drains() {
    let mut host = TestHost::builder().guest("slow-stream").start().await;
    let mut stream = host.client.stream("slow-stream", "20").await;
    stream.next_text().await;
    for _ in 0..2 {
        host.signal("HUP");
        host.logs.line(&["SIGHUP: nothing to do"]).await;
    }
    assert_eq!(host.client.get("/health/ready").await.status, 200);
    host.signal("QUIT");
    host.logs.line(&["SIGQUIT"]).await;
    assert!(
        stream
            .rest()
            .await
            .last()
            .is_some_and(|frame| frame.is_done())
    );
    assert_eq!(host.ended().await.code(), Some(0));
}

#[test]
fn a_misspelt_log_filter_is_a_mistake() {
    let folder = Folder::fresh();
    let at = folder.path().display().to_string();
    for filter in ["inffo", "hayrick=inffo", "warn,hayrick_runtime"] {
        let ended = hayrick(&["serve", "--port", "0", "--data-dir", &at, "--log", filter]);
        assert_eq!(ended.code, Some(2), "{filter}: {ended:?}");
        assert!(ended.stderr.contains("--log"), "{filter}: {ended:?}");
    }
}

#[test]
fn a_name_that_no_request_can_have_is_a_mistake() {
    let folder = Folder::fresh();
    let file = folder.path().join("hayrick.toml");
    for (line, path) in [
        ("allowed_hosts = ['*']", "server.allowed_hosts"),
        (
            "allowed_hosts = ['https://hay.example']",
            "server.allowed_hosts",
        ),
        ("allowed_hosts = ['hay.example:80']", "server.allowed_hosts"),
        ("cors_origins = ['*']", "server.cors_origins"),
        ("trusted_proxies = ['nginx']", "server.trusted_proxies"),
        (
            "trusted_proxies = ['10.0.0.0/40']",
            "server.trusted_proxies",
        ),
    ] {
        std::fs::write(&file, format!("[server]\n{line}\n")).unwrap();
        let ended = hayrick(&["config", "check", "--config", &file.display().to_string()]);
        assert!(ended.code == Some(2), "{line}: {ended:?}");
        let said = ended.stderr + &ended.stdout;
        assert!(said.contains(path), "{line}: {said}");
    }
}

#[tokio::test]
async fn apps_with_schemes_of_their_own_may_read_answers() {
    let host = TestHost::builder()
        .config("[server]\ncors_origins = ['app://obsidian.md', 'vscode-webview://0a1b']")
        .start()
        .await;
    for origin in ["app://obsidian.md", "vscode-webview://0a1b"] {
        let reply = host
            .client
            .request("GET", "/v1/models", &[("origin", origin)], "")
            .await;
        assert_eq!(reply.status(), 200, "{origin}");
        assert_eq!(reply.headers()["access-control-allow-origin"], origin);
    }
    let other = [("origin", "app://other.md")];
    assert_eq!(
        host.client
            .request("GET", "/v1/models", &other, "")
            .await
            .status(),
        403
    );
}

#[tokio::test]
async fn a_folder_that_was_made_is_reported() {
    let folder = Folder::fresh();
    let mut child = serve(&folder, &["--plugins-dir", "plugnis"], Stdio::piped());
    let logs = crate::support::logs::Logs::gather(child.stderr.take().unwrap());
    logs.line(&["WARN", "plugnis", "did not exist"]).await;
}

fn serve(folder: &Folder, args: &[&str], stderr: Stdio) -> tokio::process::Child {
    let mut command = clean(Command::new(env!("CARGO_BIN_EXE_hayrick")));
    command
        .args(["serve", "--port", "0"])
        .args(args)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .kill_on_drop(true);
    command.spawn().unwrap()
}

#[tokio::test]
async fn a_log_that_nobody_reads_does_not_stop_the_server() {
    let folder = Folder::fresh();
    let plugins = folder.subfolder("plugins");
    std::fs::copy(guest("log-flood"), plugins.join("log-flood.wasm")).unwrap();
    // Five thousand lines a run.
    let limits = "[limits]\nlog_lines_max = 10_000\nlog_lines_per_second_max = 1_000_000";
    std::fs::write(plugins.join("log-flood.toml"), limits).unwrap();
    let mut child = serve(&folder, &[], Stdio::piped());
    // Open, and never read.
    let _stderr = child.stderr.take().unwrap();
    let mut stdout = tokio::io::BufReader::new(child.stdout.take().unwrap());
    let mut greeting = String::new();
    let read = tokio::io::AsyncBufReadExt::read_line(&mut stdout, &mut greeting);
    within("the greeting", SOON, read).await.unwrap();
    let client = Client::new(greeting.split_whitespace().last().unwrap());
    eventually("it serves", SOON, async || {
        let reply = client.chat("log-flood", "hi").await;
        (reply.status == 200).then_some(())
    })
    .await;
    // More lines than the pipe and the queue hold.
    eventually("lines are dropped and counted", SOON, async || {
        assert_eq!(client.chat("log-flood", "hi").await.status, 200);
        let metrics = client.get("/metrics").await.body;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("hayrick_log_lines_dropped_total "));
        line.filter(|count| *count != "0").map(str::to_owned)
    })
    .await;
    let pid = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill").arg(pid).status();
    assert!(sent.unwrap().success());
    let ended = within("the end", SOON, child.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn each_failure_of_the_server_leaves_one_line_with_what_an_operator_needs() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("panic-after-first-chunk")
        .start()
        .await;
    let key = host.create_key(&["--scope", "invoke"]).await.key;
    let ask = async |id: &str, body: serde_json::Value| {
        let headers = [
            ("authorization", format!("Bearer {key}")),
            ("x-request-id", id.to_owned()),
        ];
        let path = "/v1/chat/completions";
        host.client
            .send_with("POST", path, &headers, &body.to_string())
            .await
    };
    let whole = chat_body("echo-relay", "fail:failed:broken \u{202e}x");
    let streamed = stream_body("panic-after-first-chunk", "x");
    for (id, body, status, what) in [
        ("mine-1", whole, 500, "a request failed"),
        ("mine-2", streamed, 200, "an answer broke off"),
    ] {
        let model = body["model"].as_str().unwrap().to_owned();
        let reply = ask(id, body).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        let run = reply.header("x-hayrick-run").unwrap().to_owned();
        let fragments = [
            "WARN",
            what,
            id,
            &run,
            &format!("pipeline=\"{model}\""),
            "version=1",
            "client=\"test\"",
            &format!("status={status}"),
            " ms=",
            "reason=\"",
        ];
        let line = host.logs.line(&fragments).await;
        assert!(!line.contains('\u{202e}'), "{line}");
        let lines = host.logs.lines();
        let of_request = lines.iter().filter(|line| line.contains(id));
        assert_eq!(of_request.count(), 1, "{lines:#?}");
    }
    // What is the client's own mistake is not the operator's business.
    assert_eq!(ask("mine-3", chat_body("absent", "x")).await.status, 404);
    assert!(!host.logs.lines().iter().any(|line| line.contains("mine-3")));
}

#[tokio::test]
async fn a_pipeline_is_drawn_without_another_machine() {
    let host = TestHost::builder().guest("echo-relay").start().await;
    let reply = host.client.get("/draw/echo-relay").await;
    assert_eq!(reply.header("content-type"), Some("image/svg+xml"));
    for part in ["<svg ", ">echo-relay<", ">chat<", ">llm<"] {
        assert!(reply.body.contains(part), "{part}: {}", reply.body);
    }
    let reply = host.client.get("/draw/nobody").await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.json()["detail"], json!(reply.error()));
}
