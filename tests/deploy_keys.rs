//! Deploys over HTTP: which keys may deploy, and that each deploy is audited.

use serde_json::Value;

use crate::support::client::Reply;
use crate::support::command::hayrick;
use crate::support::guest::guest_bytes;
use crate::support::host::TestHost;
use crate::support::keys::REQUIRED;

async fn deploy(host: &TestHost, key: &str, name: &str, component: Vec<u8>) -> Reply {
    Reply::read(
        host.client
            .request(
                "POST",
                &format!("/deploy/{name}"),
                &[("x-api-key", key)],
                component,
            )
            .await,
    )
    .await
}

#[tokio::test]
async fn a_deploy_needs_the_scope_and_the_pipeline_and_is_audited() {
    let host = TestHost::builder().config(REQUIRED).start().await;
    let invoker = host.create_key(&[]).await;
    let deployer = host
        .create_key(&["--scope", "deploy", "--pipeline", "mine"])
        .await;
    let refused = deploy(&host, &invoker.key, "mine", guest_bytes("echo-relay")).await;
    assert!(
        refused.status == 403 && refused.error().contains("'deploy'"),
        "{}",
        refused.body
    );
    let other = deploy(&host, &deployer.key, "other", guest_bytes("echo-relay")).await;
    assert_eq!(
        (other.status, other.json()["error"]["code"].as_str()),
        (403, Some("model_not_allowed")),
        "{}",
        other.body
    );
    assert_eq!(
        deploy(&host, "", "mine", guest_bytes("echo-relay"))
            .await
            .status,
        401
    );

    let deployed = deploy(&host, &deployer.key, "mine", guest_bytes("echo-relay")).await;
    assert_eq!(deployed.status, 200, "{}", deployed.body);
    let bad = deploy(&host, &deployer.key, "mine", b"no component".to_vec()).await;
    assert!(
        (400..500).contains(&bad.status),
        "{}: {}",
        bad.status,
        bad.body
    );
    assert_eq!(
        host.as_key(&invoker.key, "POST", "/undeploy/mine", "")
            .await
            .status,
        403
    );
    assert_eq!(
        host.as_key(&deployer.key, "POST", "/undeploy/mine", "")
            .await
            .status,
        200
    );

    let data_dir = host.data_path("");
    let audit = hayrick(&["audit", "--json", "--data-dir", data_dir.to_str().unwrap()]);
    let lines: Vec<Value> = serde_json::from_str(&audit.stdout).unwrap();
    let lines: Vec<&Value> = lines
        .iter()
        .filter(|line| !line["action"].as_str().unwrap().starts_with("key."))
        .collect();
    let actions: Vec<&str> = lines
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["deploy", "deploy.refused", "undeploy"],
        "{audit:?}"
    );
    for (line, reply) in lines.iter().zip([&deployed, &bad]) {
        assert_eq!(
            (line["actor"].as_str(), line["subject"].as_str()),
            (Some(deployer.id.as_str()), Some("mine"))
        );
        assert_eq!(line["request"].as_str(), reply.header("x-request-id"));
    }
    assert_eq!(
        (lines[0]["outcome"].as_str(), lines[1]["outcome"].as_str()),
        (Some("ok"), Some(bad.error().as_str()))
    );
}

#[tokio::test]
async fn refused_deploys_are_short_and_summed_and_push_nothing_out() {
    let host = TestHost::builder().config(REQUIRED).start().await;
    let deployer = host.create_key(&["--scope", "deploy"]).await;
    let deployed = deploy(&host, &deployer.key, "mine", guest_bytes("echo-relay")).await;
    assert_eq!(deployed.status, 200, "{}", deployed.body);
    let name = "%01".repeat(1024);
    for _ in 0..150 {
        let refused = deploy(&host, &deployer.key, &name, Vec::new()).await;
        assert!((400..500).contains(&refused.status), "{}", refused.body);
    }
    let refusals = std::fs::read_to_string(host.data_path("audit-refused.log")).unwrap();
    // Some sixty in a minute, and the test may see two minutes.
    let lines: Vec<&str> = refusals.lines().collect();
    assert!((1..150).contains(&lines.len()), "{}", lines.len());
    assert!(lines.iter().all(|line| line.len() < 1 << 10), "{refusals}");
    let changes = std::fs::read_to_string(host.data_path("audit.log")).unwrap();
    assert!(
        changes.contains("mine") && !changes.contains("refused"),
        "{changes}"
    );
}
