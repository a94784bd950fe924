//! What removed pipelines leave behind: shown, kept for a time, and deleted.

use serde_json::Value;

use crate::support::await_event::{SOON, eventually};
use crate::support::command::hayrick;
use crate::support::host::TestHost;

const TOOL: &str = "state-tool";

/// The row of a pipeline in `GET /state`.
async fn listed(host: &TestHost, pipeline: &str) -> Option<Value> {
    let list = host.client.get("/state").await.json();
    let rows = list["data"].as_array().unwrap();
    rows.iter().find(|row| row["pipeline"] == pipeline).cloned()
}

async fn undeploy(host: &TestHost, pipeline: &str) {
    let path = format!("/undeploy/{pipeline}");
    assert_eq!(host.client.send("POST", &path, "").await.status, 200);
}

/// Waits until the host has seen that the pipeline is gone, or back, and returns its row.
async fn seen_as(host: &TestHost, removed: bool) -> Value {
    let what = if removed { "gone" } else { "back" };
    eventually(
        &format!("the pipeline is seen to be {what}"),
        SOON,
        async || {
            let row = listed(host, TOOL).await?;
            let at = &row["removed_at"];
            let is_so = if removed {
                at.is_number()
            } else {
                at.is_null()
            };
            is_so.then_some(row)
        },
    )
    .await
}

fn approvals(host: &TestHost) -> String {
    std::fs::read_to_string(host.data_path("approvals.json")).unwrap()
}

#[tokio::test]
async fn the_state_of_a_removed_pipeline_is_shown_and_can_be_deleted() {
    let host = TestHost::builder().guest(TOOL).start().await;
    for key in ["a", "b"] {
        let reply = host.client.chat(TOOL, &format!("set:{key}=1234")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let row = listed(&host, TOOL).await.unwrap();
    assert_eq!(
        (&row["keys"], &row["bytes"], &row["removed_at"]),
        (&2.into(), &10.into(), &Value::Null)
    );
    let path = format!("/{TOOL}/state");
    let refused = host.client.send("DELETE", &path, "").await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.error().contains("undeploy it first"));

    undeploy(&host, TOOL).await;
    let removed = seen_as(&host, true).await;
    let kept = removed["deleted_at"].as_f64().unwrap() - removed["removed_at"].as_f64().unwrap();
    assert_eq!(kept, 30.0 * 86_400.0, "{removed}");
    let table = host.command(&["state", "list"]).await;
    assert!(
        table.code == Some(0) && table.stdout.contains("29d"),
        "{table:?}"
    );

    let deleted = host.command(&["state", "delete", TOOL]).await;
    assert!(
        deleted.code == Some(0) && deleted.stdout.contains("keys: 2"),
        "{deleted:?}"
    );
    assert_eq!(listed(&host, TOOL).await, None);
    let again = host.command(&["state", "delete", TOOL]).await;
    assert!(
        again.code == Some(3) && again.stderr.contains("has no state"),
        "{again:?}"
    );
    let audit = hayrick(&["audit", "--data-dir", host.data_path("").to_str().unwrap()]);
    assert!(audit.stdout.contains("state.delete"), "{audit:?}");
}

#[tokio::test]
async fn a_pipeline_that_comes_back_in_time_finds_its_state() {
    let host = TestHost::builder().guest(TOOL).start().await;
    let component = std::fs::read(host.plugin_file(TOOL)).unwrap();
    host.client.chat(TOOL, "set:k=kept").await;
    undeploy(&host, TOOL).await;
    seen_as(&host, true).await;
    host.rename_in(TOOL, &component);
    host.serves_version(TOOL, 1).await;
    let found = host.client.chat(TOOL, "get:k").await.text();
    assert!(found.contains("kept"), "{found}");
    seen_as(&host, false).await;
}

#[tokio::test]
async fn what_was_removed_long_ago_is_forgotten() {
    let host = TestHost::builder()
        .guest(TOOL)
        .guest("echo-relay")
        .config("[state]\nkeep_removed = '1ms'")
        .start()
        .await;
    let component = std::fs::read(host.plugin_file("echo-relay")).unwrap();
    host.client.chat(TOOL, "set:k=gone").await;
    assert!(approvals(&host).contains(TOOL));
    undeploy(&host, TOOL).await;
    let mut turn = 0_u32;
    eventually("the state is deleted", SOON, async || {
        // Each deploy makes the host look again.
        turn += 1;
        host.client
            .deploy(&format!("other-{}", turn % 2), component.clone())
            .await;
        (listed(&host, TOOL).await.is_none() && !approvals(&host).contains(TOOL)).then_some(())
    })
    .await;
    assert!(approvals(&host).contains("echo-relay"));
    let told = host.logs.lines();
    assert!(
        told.iter()
            .any(|line| line.contains("deleted the state of a pipeline") && line.contains(TOOL)),
        "{told:?}"
    );
}
