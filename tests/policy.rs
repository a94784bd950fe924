//! What a component asks for and what the operator grants: refused, granted, revoked, and never
//! granted by anybody else.

use crate::support::await_event::{SOON, eventually};
use crate::support::command::hayrick;
use crate::support::guest::guest_bytes;
use crate::support::host::TestHost;

/// Waits until the newest file or policy of a pipeline is refused with `fragment` in the reason.
async fn refused_for(host: &TestHost, pipeline: &str, fragment: &str) -> String {
    eventually(
        &format!("a refusal of {pipeline} that speaks of {fragment}"),
        SOON,
        async || {
            let status = host.client.status(pipeline).await?;
            status["last_error"]["reason"]
                .as_str()
                .filter(|reason| reason.contains(fragment))
                .map(str::to_owned)
        },
    )
    .await
}

fn write_policy(host: &TestHost, pipeline: &str, text: &str) {
    std::fs::write(host.policy_file(pipeline), text).unwrap();
}

#[tokio::test]
async fn a_deploy_is_refused_until_its_imports_are_granted() {
    let host = TestHost::builder()
        .config("[grants]\ninterfaces = ['llm']")
        .guest("state-tool")
        .guest("echo-relay")
        .start()
        .await;
    let reason = host.refusal("state-tool").await;
    assert!(
        reason.contains("asks for state") && reason.contains("hayrick grant state-tool"),
        "{reason}"
    );
    assert_eq!(host.client.chat("state-tool", "get:k").await.status, 503);
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.text(), "hi");
    write_policy(&host, "state-tool", "interfaces = ['state']");
    host.serves_version("state-tool", 1).await;
    assert_eq!(host.client.chat("state-tool", "get:k").await.text(), "null");
}

#[tokio::test]
async fn an_update_that_asks_for_more_waits_for_the_operator_even_after_a_restart() {
    let host = TestHost::builder()
        .guest_as("counter", "live")
        .start()
        .await;
    assert_eq!(host.client.chat("live", "count").await.text(), "1");
    host.rename_in("live", &guest_bytes("state-tool"));
    let reason = host.refusal("live").await;
    assert!(
        reason.contains("asks for state, which its previous version did not ask for"),
        "{reason}"
    );
    assert!(
        reason.contains("inspect --diff") && reason.contains("hayrick grant live"),
        "{reason}"
    );
    assert_eq!(
        host.client.chat("live", "count").await.text(),
        "1",
        "the previous version keeps serving"
    );
    let host = host.restart().await;
    let reason = host.refusal("live").await;
    assert!(
        reason.contains("which its previous version did not ask for"),
        "{reason}"
    );
    write_policy(&host, "live", "interfaces = ['state']");
    host.serves_version("live", 1).await;
    assert_eq!(host.client.chat("live", "get:k").await.text(), "null");
}

#[tokio::test]
async fn removing_the_file_first_does_not_make_an_update_a_new_plugin() {
    let host = TestHost::builder()
        .guest_as("counter", "live")
        .start()
        .await;
    std::fs::remove_file(host.plugin_file("live")).unwrap();
    eventually("it is gone", SOON, async || {
        host.client.status("live").await.is_none().then_some(())
    })
    .await;
    host.rename_in("live", &guest_bytes("state-tool"));
    assert!(
        host.refusal("live")
            .await
            .contains("asks for state, which its previous version did not ask for")
    );
}

#[tokio::test]
async fn a_revoked_grant_stops_the_pipeline() {
    let host = TestHost::builder().guest("state-tool").start().await;
    assert_eq!(host.client.chat("state-tool", "get:k").await.status, 200);
    write_policy(&host, "state-tool", "interfaces = []");
    assert!(
        refused_for(&host, "state-tool", "state")
            .await
            .contains("not granted")
    );
    assert_eq!(host.client.chat("state-tool", "get:k").await.status, 503);
    std::fs::remove_file(host.policy_file("state-tool")).unwrap();
    eventually("it serves again", SOON, async || {
        (host.client.chat("state-tool", "get:k").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn runs_of_every_version_lose_a_revoked_grant_at_once() {
    let host = TestHost::builder().guest("slow-stream").start().await;
    let mut first = host.client.stream("slow-stream", "100000").await;
    first.next_text().await;
    // A change that takes nothing away leaves the run alone.
    write_policy(&host, "slow-stream", "[limits]\ncpu_time_max = '3s'");
    host.serves_version("slow-stream", 2).await;
    for _ in 0..5 {
        first.next_text().await;
    }
    let mut second = host.client.stream("slow-stream", "100000").await;
    second.next_text().await;
    write_policy(&host, "slow-stream", "[jobs]\nsubmit = false");
    for stream in [&mut first, &mut second] {
        let error = stream.rest_error().await;
        assert!(error.contains("took back a grant"), "{error}");
    }
    host.serves_version("slow-stream", 3).await;
}

#[tokio::test]
async fn a_run_ends_when_the_interface_it_uses_is_revoked() {
    let host = TestHost::builder().guest("slow-stream").start().await;
    let mut stream = host.client.stream("slow-stream", "100000").await;
    stream.next_text().await;
    write_policy(&host, "slow-stream", "interfaces = []");
    let error = stream.rest_error().await;
    assert!(error.contains("took back a grant"), "{error}");
}

#[tokio::test]
async fn mistakes_in_a_policy_are_errors_not_defaults() {
    let host = TestHost::builder().guest("state-tool").start().await;
    let text = "intrefaces = []\ninstance = 'hot'\n[limits]\nmemory_bytes_max = 1\n[models]\naliases = ['gpt-9']\n[state]\nkeys_max = 0";
    write_policy(&host, "state-tool", text);
    let reason = refused_for(&host, "state-tool", "mistakes").await;
    for fragments in [
        "state-tool.toml: 5 mistakes",
        "intrefaces: unknown key; did you mean 'interfaces'?",
        "instance: invalid value 'hot': write \"isolated\" or \"warm\"",
        "limits.memory_bytes_max: 1 B is out of range",
        "models.aliases: there is no upstream 'gpt-9'",
        "state.keys_max: 0 is out of range",
    ] {
        assert!(reason.contains(fragments), "no {fragments:?} in {reason}");
    }
    assert_eq!(
        host.client.chat("state-tool", "get:k").await.status,
        200,
        "the previous version keeps serving"
    );
    write_policy(&host, "Cargo", "[workspace]");
    let folder = host.policy_file("state-tool").parent().unwrap().to_owned();
    let checked = hayrick(&["config", "check", "--plugins-dir", folder.to_str().unwrap()]);
    assert!(
        checked.code != Some(0) && checked.stderr.contains("state-tool.toml: intrefaces"),
        "{}",
        checked.stderr
    );
    assert!(!checked.stderr.contains("Cargo.toml"), "{}", checked.stderr);
}

#[tokio::test]
async fn limits_of_one_plugin_do_not_apply_to_others() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest_as("echo-relay", "small")
        .policy("small", "[limits]\noutput_bytes_max = 4")
        .start()
        .await;
    assert_eq!(
        host.client.chat("echo-relay", "echo:hello").await.text(),
        "hello"
    );
    let reply = host.client.chat("small", "echo:hello").await;
    assert!(
        reply.status == 500 && reply.error().contains("output_bytes_max, 4 bytes"),
        "{}",
        reply.body
    );
    write_policy(&host, "small", "[limits]\noutput_bytes_max = 5");
    eventually("the new limit", SOON, async || {
        (host.client.chat("small", "echo:hello").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn state_quotas_can_be_set_per_plugin() {
    let host = TestHost::builder()
        .guest("state-tool")
        .policy("state-tool", "[state]\nkeys_max = 1\nvalue_bytes_max = 3")
        .start()
        .await;
    assert_eq!(
        host.client.chat("state-tool", "set:a=123").await.status,
        200
    );
    let many = host.client.chat("state-tool", "set:b=1").await;
    assert!(
        many.status != 200 && many.error().contains("keys_max"),
        "{}",
        many.body
    );
    let large = host.client.chat("state-tool", "set:a=1234").await;
    assert!(
        large.status != 200 && large.error().contains("at most 3 bytes"),
        "{}",
        large.body
    );
}

#[tokio::test]
async fn policy_changes_are_audited() {
    let host = TestHost::builder().guest("counter").start().await;
    write_policy(&host, "counter", "[config]\na = 'b'");
    host.serves_version("counter", 2).await;
    host.rename_in("counter", &guest_bytes("no-lifecycle"));
    refused_for(&host, "counter", "lifecycle").await;
    std::fs::remove_file(host.plugin_file("counter")).unwrap();
    let data_dir = host.data_path("");
    let expected = ["deploy", "policy.change", "deploy.refused", "undeploy"];
    eventually("four records of changes in the folder", SOON, async || {
        let audit = hayrick(&["audit", "--json", "--data-dir", data_dir.to_str().unwrap()]).stdout;
        let lines: Vec<serde_json::Value> = serde_json::from_str(&audit).unwrap();
        assert!(
            lines
                .iter()
                .all(|line| line["actor"] == "folder" && line["subject"] == "counter"),
            "{audit}"
        );
        let actions: Vec<&str> = lines
            .iter()
            .map(|line| line["action"].as_str().unwrap())
            .collect();
        (actions == expected).then_some(())
    })
    .await;
}
