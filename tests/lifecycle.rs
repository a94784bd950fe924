//! Start, port in use, invalid flags and settings, SIGTERM.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::await_event::{SOON, eventually, within};
use crate::support::client::{Client, Frame};
use crate::support::command::{clean, hayrick};
use crate::support::folder::Folder;
use crate::support::guest::guest;
use crate::support::host::TestHost;

#[tokio::test]
async fn sigterm_lets_running_answers_finish_and_exits_with_0() {
    let mut host = TestHost::builder().guest("slow-stream").start().await;
    let mut stream = host.client.stream("slow-stream", "50").await;
    stream.next_text().await;
    host.sigterm();
    host.logs.line(&["SIGTERM"]).await;
    let probe = eventually("the probe says that it drains", SOON, async || {
        let probe = host.client.get("/health/ready").await;
        (probe.status == 503).then_some(probe.body)
    });
    assert!(probe.await.contains("draining"));
    assert_eq!(host.client.get("/health/live").await.status, 200);
    let late = host.client.chat("slow-stream", "1").await;
    assert_eq!((late.status, late.header("retry-after")), (503, Some("5")));
    let frames = stream.rest().await;
    assert!(
        frames.last().is_some_and(Frame::is_done),
        "the answer was aborted: {:?}",
        frames.last()
    );
    assert_eq!(host.ended().await.code(), Some(0));
}

#[tokio::test]
async fn without_flags_it_serves_from_the_current_folder() {
    let folder = Folder::fresh();
    std::fs::copy(
        guest("echo-relay"),
        folder.subfolder("plugins").join("here.wasm"),
    )
    .unwrap();
    let mut command = clean(Command::new(env!("CARGO_BIN_EXE_hayrick")));
    command
        .args(["serve", "--port", "0"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let greeting = within("the greeting", SOON, stdout.next_line())
        .await
        .unwrap();
    let greeting = greeting.expect("it did not start with its default folders");
    let client = Client::new(greeting.split_whitespace().last().unwrap());
    eventually("it serves the plugin in the folder", SOON, async || {
        client
            .status("here")
            .await
            .filter(|status| status["state"] == "ready")
    })
    .await;
    assert!(folder.path().join(".hayrick").is_dir());
}

#[tokio::test]
async fn draining_has_a_deadline() {
    let mut host = TestHost::builder()
        .guest("slow-stream")
        .config("[server]\ndrain_deadline = '200ms'")
        .alone()
        .start()
        .await;
    let mut stream = host.client.stream("slow-stream", "5000").await;
    stream.next_text().await;
    host.sigterm();
    let begun = host.stopwatch();
    assert_eq!(host.ended().await.code(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it waited for an answer of 100 s"
    );
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_the_cure() {
    let host = TestHost::builder().start().await;
    let folder = Folder::fresh();
    let port = host.address().rsplit(':').next().unwrap();
    let data_dir = folder.path().display().to_string();
    let second = hayrick(&[
        "serve",
        "--port",
        port,
        "--plugins-dir",
        &data_dir,
        "--data-dir",
        &data_dir,
    ]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(
        second.stderr.contains("the address is already in use") && second.stderr.contains("--port"),
        "{second:?}"
    );
}

#[test]
fn wrong_flags_exit_with_2() {
    for args in [
        &["serve", "--port", "many"][..],
        &["serve", "--no-such-flag"],
        &["fly"],
        &[],
    ] {
        let ended = hayrick(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn all_mistakes_in_the_settings_are_reported_at_once() {
    let folder = Folder::fresh();
    let file = folder.path().join("hayrick.toml");
    std::fs::write(
        &file,
        "[limits]\ncpu_time_max = 10\nmemory_max = 1\n[upstreams.a]\nmodel = 'm'\n",
    )
    .unwrap();
    let ended = hayrick(&[
        "serve",
        "--port",
        "0",
        "--config",
        &file.display().to_string(),
    ]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for path in [
        "limits.cpu_time_max",
        "limits.memory_max",
        "upstreams.a.base_url",
    ] {
        assert!(
            ended.stderr.contains(path),
            "{path} is not in: {}",
            ended.stderr
        );
    }
}

#[test]
fn inspect_describes_a_file_and_whether_it_can_be_deployed() {
    let path = |name: &str| guest(name).display().to_string();
    let good = hayrick(&["inspect", &path("echo-relay")]);
    assert_eq!(good.code, Some(0), "{good:?}");
    for fragment in [
        "hayrick:pipeline/chat@0.1.0",
        "hayrick:pipeline/llm@0.1.0",
        "sha256:",
        "yes",
    ] {
        assert!(
            good.stdout.contains(fragment),
            "{fragment} is not in: {}",
            good.stdout
        );
    }
    for (name, fragment) in [
        ("no-lifecycle", "lifecycle"),
        ("ungranted-import", "does not provide"),
    ] {
        let bad = hayrick(&["inspect", &path(name)]);
        assert!(
            bad.code == Some(1) && bad.stdout.contains(fragment),
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn the_exit_code_of_status_reflects_the_pipeline() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("no-lifecycle")
        .start()
        .await;
    let port = host.address().rsplit(':').next().unwrap();
    for (name, code) in [("echo-relay", 0), ("no-lifecycle", 3), ("absent", 3)] {
        let ended = hayrick(&["status", name, "--port", port]);
        assert_eq!(ended.code, Some(code), "{name}: {ended:?}");
    }
}
