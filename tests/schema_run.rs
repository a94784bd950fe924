//! Checks the server against its OpenAPI document: the methods of each path, and requests that
//! schemathesis generates from the schemas.

use serde_json::Value;
use tokio::process::Command;

use crate::support::client::Client;
use crate::support::command::clean;
use crate::support::guest::leave_out;
use crate::support::host::TestHost;
use crate::support::report::say;
use crate::support::source::root;

/// Names the Python that has `schemathesis`; `tests/run.sh` creates one.
const PYTHON: &str = "HAYRICK_TEST_PYTHON";
/// Documented paths that this server does not have because of its settings; none so far.
const LEFT_OUT: [&str; 0] = [];

/// The schemas of the pipeline with an API.
const API: &str = r##"
[config]
schema = """{"type": "object", "required": ["text"], "properties": {
    "text": {"type": "string", "maxLength": 40},
    "n": {"type": "integer", "minimum": 1},
    "node": {"$ref": "#/$defs/node"}},
    "$defs": {"node": {"type": "object", "properties": {
        "value": {"type": "number"}, "next": {"$ref": "#/$defs/node"}}}}}"""
output = '{"type": "object", "required": ["text"]}'
"##;

async fn document(client: &Client) -> Value {
    let answer = client.get("/openapi.json").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// A path with its parameters filled in.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "x" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn each_path_accepts_only_the_documented_methods() {
    let host = TestHost::builder().start().await;
    let document = document(&host.client).await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 15, "the document is read wrongly: {paths:?}");
    for (path, operations) in paths
        .iter()
        .filter(|(path, _)| !LEFT_OUT.contains(&path.as_str()))
    {
        let mut described: Vec<String> = operations
            .as_object()
            .unwrap()
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        if described.iter().any(|method| method == "GET") {
            described.push("HEAD".to_owned());
        }
        described.sort();
        let answer = host.client.send("OPTIONS", &filled(path), "").await;
        let mut allowed: Vec<&str> = answer
            .header("allow")
            .unwrap_or_else(|| panic!("{path} is missing: {answer:?}"))
            .split(',')
            .collect();
        allowed.sort_unstable();
        assert_eq!(
            allowed, described,
            "{path}: what it takes, and what is described"
        );
    }
}

#[tokio::test]
async fn answers_match_the_openapi_document() {
    let Ok(python) = std::env::var(PYTHON) else {
        return leave_out(
            "the requests generated from the OpenAPI document: install python3, then run `sh \
             tests/run.sh`",
        );
    };
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("files-echo")
        .guest("job-worker")
        .guest("api-describes")
        .guest("embedder")
        .policy("api-describes", API)
        .start()
        .await;
    let folder = root().join("tests/schema_run");
    let mut command = clean(Command::new(python));
    command
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(folder.join("schemathesis.toml"));
    // `deploy` and `compile_aside` test deploys of components.
    command
        .args(["--no-color", "run", "--exclude-path", "/deploy/{name}"])
        .arg(format!("{}/openapi.json", host.base_url()));
    // Keeps its other output out of the repository.
    command
        .current_dir(host.scratch_file(""))
        .env("HAYRICK_URL", host.base_url())
        .env("SCHEMATHESIS_HOOKS", folder.join("hooks.py"));
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let count = report
        .lines()
        .find(|line| line.contains(" generated, "))
        .unwrap_or_default();
    say(&format!(
        "requests from the OpenAPI document: {}",
        count.trim()
    ));
    assert!(
        output.status.success(),
        "{report}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(count.contains("passed"), "no request was made:\n{report}");
    assert_eq!(
        host.client.get("/health/ready").await.status,
        200,
        "the server no longer answers"
    );
}
