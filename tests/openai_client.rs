//! The suite of the official `openai` client for Python.

use std::path::Path;

use tokio::process::Command;

use crate::support::command::clean;
use crate::support::guest::leave_out;
use crate::support::host::TestHost;
use crate::support::report::say;

/// Names the Python that has `openai` and `pytest`; `tests/run.sh` creates one.
const PYTHON: &str = "HAYRICK_TEST_PYTHON";

#[tokio::test]
async fn the_official_client_suite_passes() {
    let Ok(python) = std::env::var(PYTHON) else {
        return leave_out(
            "the suite of the official openai client: install python3, then run `sh tests/run.sh`",
        );
    };
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("embedder")
        .guest("panic")
        .guest("slow-stream")
        .start()
        .await;
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openai_client");
    let mut command = clean(Command::new(python));
    command
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .arg(suite);
    command
        .env("HAYRICK_URL", host.base_url())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    say(&format!(
        "openai client: {}",
        report.lines().last().unwrap_or_default()
    ));
    assert!(
        output.status.success(),
        "{report}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
