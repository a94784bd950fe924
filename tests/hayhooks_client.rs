//! Hayhooks' own command line, as PyPI has it, against this server.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::support::command::{CommandOutput, clean};
use crate::support::guest::leave_out;
use crate::support::host::TestHost;

/// Names the Python that has `hayhooks`; `tests/run.sh` creates one.
const PYTHON: &str = "HAYRICK_TEST_PYTHON";

/// The command `hayhooks`; `None`, with a notice, without it.
fn program() -> Option<PathBuf> {
    let Ok(python) = std::env::var(PYTHON) else {
        leave_out("Hayhooks' own tools: install python3, then run `sh tests/run.sh`");
        return None;
    };
    Some(Path::new(&python).with_file_name("hayhooks"))
}

async fn hayhooks(program: &Path, host: &TestHost, args: &[&str]) -> CommandOutput {
    let (address, port) = host.address().rsplit_once(':').unwrap();
    let mut command = clean(Command::new(program));
    command
        .args(args)
        .current_dir(host.scratch_file(""))
        .env("HAYHOOKS_HOST", address)
        .env("HAYHOOKS_PORT", port)
        // Nothing may leave the machine.
        .env("HAYSTACK_TELEMETRY_ENABLED", "False")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("COLUMNS", "200")
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    CommandOutput {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn says(output: &CommandOutput, parts: &[&str]) {
    for part in parts {
        let found = output.stdout.contains(part) || output.stderr.contains(part);
        assert!(found, "'{part}' is missing: {output:?}");
    }
}

#[tokio::test]
async fn hayhooks_own_commands_work_here() {
    let Some(program) = program() else { return };
    let host = TestHost::builder()
        .guest("api-script")
        .guest("echo-relay")
        .start()
        .await;
    let run = async |args: &[&str]| hayhooks(&program, &host, args).await;

    let status = run(&["status"]).await;
    says(&status, &["up and running", "api-script", "echo-relay"]);
    assert_eq!(status.code, Some(0), "{status:?}");

    let pipeline = ["pipeline", "run", "api-script"];
    let with = |more: &[&'static str]| [&pipeline, more].concat();
    let ran = run(&with(&[
        "-p",
        "do=echo",
        "-p",
        "n=7",
        "-p",
        "text=hi",
        "-p",
        "list=[1, 2]",
    ]))
    .await;
    says(
        &ran,
        &["executed successfully", "\"n\": 7", "\"text\": \"hi\""],
    );
    let ran = run(&with(&["-p", "do=stream", "--stream"])).await;
    says(&ran, &["one two"]);
    let file = host.scratch_file("note.txt");
    std::fs::write(&file, "a note").unwrap();
    let ran = run(&[
        &pipeline[..],
        &["-p", "do=echo", "--file", file.to_str().unwrap()],
    ]
    .concat())
    .await;
    says(&ran, &["note.txt", "a note"]);
    let ran = run(&with(&["-p", "n=0"])).await;
    says(&ran, &["Server error", "is missing"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");

    let undeployed = run(&["pipeline", "undeploy", "echo-relay"]).await;
    says(&undeployed, &["successfully undeployed"]);
    let absent = run(&["pipeline", "undeploy", "echo-relay"]).await;
    says(&absent, &["echo-relay"]);
    assert_ne!(absent.code, Some(0), "{absent:?}");
    let status = run(&["status"]).await;
    assert!(!status.stdout.contains("echo-relay"), "{status:?}");
}
