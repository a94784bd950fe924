//! The customer's test script, extracted from its page, and our client that makes the same
//! requests.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::command::clean;
use crate::support::guest::leave_out;
use crate::support::host::TestHost;
use crate::support::report::say;
use crate::support::source::root;

/// Names the Python that has `aiohttp`; `tests/run.sh` creates one.
const PYTHON: &str = "HAYRICK_TEST_PYTHON";
/// The page, which is not part of the repository.
const PAGE: &str = "../shared/seed/async-operations.md";
const QUEUE: &str = "job-queue-pipeline";

async fn host() -> TestHost {
    TestHost::builder()
        .plugin("async-pipeline")
        .plugin("batch-async-pipeline")
        .plugin(QUEUE)
        .start()
        .await
}

/// Runs a file of `tests/seed_client` against the host, with `input` on stdin, and returns its
/// output.
async fn run(python: &str, file: &str, host: &TestHost, input: &str) -> String {
    let mut command = clean(Command::new(python));
    command
        .arg(root().join("tests/seed_client").join(file))
        .arg(host.base_url());
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUTF8", "1");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .await
        .unwrap();
    let output = child.wait_with_output().await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{file}: {printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

fn python() -> Option<String> {
    let python = std::env::var(PYTHON).ok();
    if python.is_none() {
        leave_out(
            "the clients of the customer's page: install python3, then run `sh tests/run.sh`",
        );
    }
    python
}

#[tokio::test]
async fn the_customer_script_runs_unchanged() {
    let Some(python) = python() else { return };
    let Ok(page) = std::fs::read_to_string(root().join(PAGE)) else {
        // CI does not have the page either; our client makes the same requests.
        return say(&format!(
            "SKIPPED: the customer's own script: put its page at {PAGE}, beside the repository"
        ));
    };
    let host = host().await;
    let printed = run(&python, "run_script.py", &host, script(&page)).await;
    let parts: Vec<&str> = printed.split(&"=".repeat(50)).collect();
    let [chat, batch, queue] = parts[..] else {
        panic!("not three parts: {printed}")
    };

    let (status, answer) = chat.trim().split_once('\n').unwrap();
    assert_eq!(status, "Status: 200");
    assert!(
        text_of(answer).contains("Tell me a joke about programming"),
        "the built-in model repeats the question: {answer}"
    );

    let (status, answer) = batch.trim().split_once('\n').unwrap();
    assert_eq!(status, "Status: 200");
    is_the_batch(&text_of(answer));

    assert!(
        queue.contains("Job submitted: {") && queue.contains("Job status: {"),
        "{queue}"
    );
    let id = queue
        .split_once("'job_id': '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(id, _)| id);
    let id = id.unwrap_or_else(|| panic!("no job_id: {queue}"));
    is_completed(&host, id).await;
}

#[tokio::test]
async fn our_client_makes_the_same_requests() {
    let Some(python) = python() else { return };
    let host = host().await;
    let printed = run(&python, "client.py", &host, "").await;
    is_the_batch(&printed);
    let id = printed
        .lines()
        .find_map(|line| line.strip_prefix("job ")?.strip_suffix(" completed"));
    is_completed(
        &host,
        id.unwrap_or_else(|| panic!("no completed job: {printed}")),
    )
    .await;
}

/// The only block of Python below the heading.
fn script(page: &str) -> &str {
    let (_, below) = page
        .split_once("### Test Script")
        .expect("the page has no test script");
    let (_, block) = below
        .split_once("```python\n")
        .expect("its script is not a block of Python");
    block.split_once("```").expect("its block does not end").0
}

fn text_of(answer: &str) -> String {
    let answer: Value =
        serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    answer["choices"][0]["message"]["content"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[track_caller]
fn is_the_batch(text: &str) {
    let items = [
        "What is Python?",
        "What is machine learning?",
        "What is artificial intelligence?",
    ];
    let processing = items
        .iter()
        .enumerate()
        .map(|(index, item)| format!("Processing item {}/3: {item}", index + 1));
    let fixed = [
        "Starting batch processing of 3 items...",
        "✓ Successfully processed: 3 items",
        "✗ Failed: 0 items",
    ]
    .map(str::to_owned);
    for line in processing.chain(fixed) {
        assert!(text.contains(&line), "{line:?} is not in {text}");
    }
}

async fn is_completed(host: &TestHost, id: &str) {
    let job = host
        .client
        .get(&format!("/{QUEUE}/job/{id}?wait=60"))
        .await
        .json();
    assert_eq!(
        (&job["id"], &job["status"], &job["type"]),
        (&id.into(), &"completed".into(), &"analysis".into()),
        "{job}"
    );
    assert!(
        job["result"]
            .as_str()
            .is_some_and(|result| !result.is_empty()),
        "{job}"
    );
}

#[test]
fn the_script_is_extracted_from_its_code_block() {
    let page = "### Other\n```python\nno\n```\n### Test Script\n\n```python\nimport x\nprint(1)\n```\n## Next\n";
    assert_eq!(script(page), "import x\nprint(1)\n");
    assert!(Path::new(PAGE).is_relative());
}
