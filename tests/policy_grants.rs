//! What grants allow: models and tokens, jobs, values; and the commands that show and write grants.

use std::time::Duration;

use serde_json::json;

use crate::support::await_event::{SOON, eventually};
use crate::support::command::{CommandOutput, hayrick};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::guest::{guest, guest_bytes};
use crate::support::host::TestHost;
use crate::support::jobs::sleep;
use crate::support::metrics::reached;

/// Two upstreams; `cheap` is not the default.
fn upstreams(dear: &FakeUpstream, cheap: &FakeUpstream) -> String {
    let section = |alias: &str, upstream: &FakeUpstream| {
        format!(
            "[upstreams.{alias}]\nbase_url = '{}'\nmodel = '{alias}-model'\nretries_max = 0\n",
            upstream.base_url()
        )
    };
    section("dear", dear) + &section("cheap", cheap)
}

#[tokio::test]
async fn a_plugin_can_only_use_models_it_is_granted() {
    let (dear, cheap) = (
        FakeUpstream::start(Behaviour::Ok).await,
        FakeUpstream::start(Behaviour::Ok).await,
    );
    let config = format!("default_upstream = 'dear'\n{}", upstreams(&dear, &cheap));
    // Keys without a section come first in a settings file.
    let host = TestHost::builder()
        .top(&config)
        .guest("model-picker")
        .policy("model-picker", "[models]\naliases = ['cheap']")
        .start()
        .await;
    assert_eq!(
        host.client.chat("model-picker", "default").await.status,
        200
    );
    assert!(
        cheap.request().await.body.contains("cheap-model"),
        "a request without a model uses the first granted one"
    );
    let refused = host.client.chat("model-picker", "dear").await;
    assert!(
        refused.status == 403
            && refused
                .error()
                .contains("granted to this plugin; it may use cheap"),
        "{}",
        refused.body
    );
    assert!(dear.requests().is_empty());
    // Gateways also take the model from other fields.
    for field in ["model", "models", "fallbacks", "api_base", "n"] {
        let refused = host
            .client
            .chat(
                "model-picker",
                &format!("cheap {{\"{field}\": \"dear-model\"}}"),
            )
            .await;
        assert!(
            refused.status == 400 && refused.error().contains(field),
            "{field}: {}",
            refused.body
        );
    }
}

#[tokio::test]
async fn the_token_budget_ends_a_run_even_if_the_model_reports_no_usage() {
    let upstream = FakeUpstream::start(Behaviour::Slow {
        chunks: 1000,
        pause: Duration::from_millis(1),
    })
    .await;
    let policy = "[models]\nrun_tokens_max = 20";
    let host = TestHost::builder()
        .upstream(&upstream.base_url())
        .guest("echo-relay")
        .policy("echo-relay", policy)
        .start()
        .await;
    for way in ["relay:hello", "forward:hello"] {
        let mut stream = host.client.stream("echo-relay", way).await;
        assert!(
            stream
                .rest_error()
                .await
                .contains("models.run_tokens_max, 20 tokens"),
            "{way}"
        );
    }
    assert!(reached(&host, "models.run_tokens_max", "echo-relay").await >= 1);
    assert!(
        upstream.requests()[0].body.contains("\"max_tokens\":17"),
        "{}",
        upstream.requests()[0].body
    );
    let long = host
        .client
        .chat("echo-relay", &format!("gather:{}", "x".repeat(100)))
        .await;
    assert!(
        long.status == 429 && long.error().contains("shorten them"),
        "{}: {}",
        long.status,
        long.body
    );
}

#[tokio::test]
async fn daily_tokens_are_counted_per_plugin_and_survive_a_restart() {
    let policy = "[models]\nday_tokens_max = 30";
    let host = TestHost::builder()
        .guest("echo-relay")
        .policy("echo-relay", policy)
        .guest_as("echo-relay", "other")
        .start()
        .await;
    let spent = eventually("the day's tokens are used up", SOON, async || {
        let reply = host.client.chat("echo-relay", "gather:hello there").await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert!(
        spent.status == 429 && spent.header("retry-after").is_some(),
        "{}: {}",
        spent.status,
        spent.body
    );
    assert_eq!(
        host.client.chat("other", "gather:hello").await.status,
        200,
        "another plugin has its own budget"
    );
    let host = host.restart().await;
    let spent = host.client.chat("echo-relay", "gather:hello there").await;
    assert!(
        spent.status == 429 && spent.error().contains("day_tokens_max"),
        "{}: {}",
        spent.status,
        spent.body
    );
    assert!(reached(&host, "models.day_tokens_max", "echo-relay").await >= 1);
}

#[tokio::test]
async fn jobs_are_submitted_only_if_granted() {
    let host = TestHost::builder()
        .guest("job-worker")
        .policy(
            "job-worker",
            "[jobs]\nsubmit = false\npending_max = 1\nrunning_max = 1",
        )
        .guest_as("job-worker", "free")
        .start()
        .await;
    let submit = "submit:{\"data\": {\"do\": \"return\", \"value\": 1}}";
    let refused = host.client.chat("job-worker", submit).await;
    assert!(
        refused.status == 403 && refused.error().contains("submit = true"),
        "{}",
        refused.body
    );
    assert_eq!(host.client.chat("free", submit).await.status, 200);
    let running = host.client.submit("job-worker", sleep(1_000_000)).await;
    host.client.job_is(&running, "running").await;
    host.client.submit("job-worker", sleep(1)).await;
    let many = host.client.post_job("job-worker", &sleep(1)).await;
    assert_eq!(many.status, 429, "{}", many.body);
}

#[tokio::test]
async fn a_plugin_reads_only_its_own_config_values() {
    let host = TestHost::builder()
        .guest("config-reader")
        .policy(
            "config-reader",
            "[config]\ngreeting = 'hello'\n'a key' = ''",
        )
        .guest_as("config-reader", "other")
        .start()
        .await;
    assert_eq!(
        host.client
            .chat("config-reader", "get:greeting")
            .await
            .text(),
        "hello"
    );
    assert_eq!(
        host.client.chat("config-reader", "keys").await.text(),
        "a key greeting"
    );
    assert_eq!(
        host.client
            .chat("config-reader", "get:nothing")
            .await
            .text(),
        "none"
    );
    assert_eq!(
        host.client.chat("other", "get:greeting").await.text(),
        "none",
        "values of another plugin are not visible"
    );
    std::fs::write(
        host.policy_file("config-reader"),
        "[config]\ngreeting = 'good day'",
    )
    .unwrap();
    eventually("the new value", SOON, async || {
        (host
            .client
            .chat("config-reader", "get:greeting")
            .await
            .text()
            == "good day")
            .then_some(())
    })
    .await;
}

/// Runs a command with the folders of a host.
fn over(host: &TestHost, args: &[&str]) -> CommandOutput {
    let (plugins, data) = (
        host.policy_file("x").parent().unwrap().to_owned(),
        host.data_path(""),
    );
    let folders = [
        "--plugins-dir",
        plugins.to_str().unwrap(),
        "--data-dir",
        data.to_str().unwrap(),
    ];
    hayrick(&[args, &folders].concat())
}

#[tokio::test]
async fn commands_show_and_grant_the_difference() {
    let host = TestHost::builder()
        .guest_as("counter", "live")
        .start()
        .await;
    host.rename_in("live", &guest_bytes("state-tool"));
    assert!(host.refusal("live").await.contains("asks for state, which"));
    let file = host.plugin_file("live");
    let shown = over(&host, &["inspect", file.to_str().unwrap(), "--diff"]);
    assert_eq!(
        (shown.code, shown.stdout.as_str()),
        (Some(1), "+ asks for state\n"),
        "{}",
        shown.stderr
    );
    let judged = over(&host, &["inspect", file.to_str().unwrap(), "--json"]);
    assert!(
        judged.code == Some(1)
            && judged
                .stdout
                .contains("which its previous version did not ask for"),
        "{}{}",
        judged.stdout,
        judged.stderr
    );
    std::fs::write(
        host.policy_file("live"),
        "# ours\n[config]\ngreeting = 'hi' # kept\n",
    )
    .unwrap();
    let granted = over(&host, &["grant", "live"]);
    assert!(
        granted.code == Some(0) && granted.stdout.contains("granted   state"),
        "{}{}",
        granted.stdout,
        granted.stderr
    );
    host.serves_version("live", 2).await;
    let written = std::fs::read_to_string(host.policy_file("live")).unwrap();
    assert!(
        written.contains("# ours") && written.contains("# kept") && written.contains("\"state\""),
        "{written}"
    );
    let shown = over(&host, &["inspect", file.to_str().unwrap(), "--diff"]);
    assert_eq!(
        (shown.code, shown.stdout.as_str()),
        (Some(0), "no difference\n")
    );
    let old = guest("counter");
    let shown = over(
        &host,
        &[
            "inspect",
            file.to_str().unwrap(),
            "--diff",
            old.to_str().unwrap(),
        ],
    );
    assert!(
        shown.code == Some(1)
            && shown
                .stdout
                .contains("+ imports hayrick:pipeline/state@0.1.0"),
        "{}",
        shown.stdout
    );
    let unknown = over(&host, &["grant", "live", "sockets"]);
    assert!(
        unknown.code == Some(1) && unknown.stderr.contains("unknown interface 'sockets'"),
        "{}",
        unknown.stderr
    );
}

#[tokio::test]
async fn no_request_changes_a_grant() {
    let host = TestHost::builder()
        .config("[grants]\ninterfaces = []")
        .guest("state-tool")
        .start()
        .await;
    host.refusal("state-tool").await;
    let policy = "interfaces = ['state']";
    for (method, path) in [
        ("PUT", "/plugins/state-tool.toml"),
        ("POST", "/deploy/state-tool.toml"),
        ("POST", "/deploy/..%2Fstate-tool.toml"),
        ("POST", "/grants/state-tool"),
        ("PUT", "/state-tool/policy"),
        ("PATCH", "/status/state-tool"),
    ] {
        let reply = host.client.send(method, path, policy).await;
        assert!(
            (400..500).contains(&reply.status),
            "{method} {path}: {}",
            reply.status
        );
    }
    assert!(!host.policy_file("state-tool").exists());
    assert_eq!(
        host.client
            .chat("state-tool", &json!(policy).to_string())
            .await
            .status,
        503
    );
}
