//! Limits of what a run makes the host store and do: each is enforced exactly, and named to the
//! client and in the metrics.

use tokio::task::JoinSet;

use crate::hostile::siblings::siblings;
use crate::support::await_event::{SOON, eventually};
use crate::support::bloat::{bloated, memory, nothing, tables};
use crate::support::client::{Reply, stream_body};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::TestHost;
use crate::support::metrics::{metric, reached};
use crate::support::neighbour::beside_a_neighbour;

const FLOOD_LINES: u64 = 5000;

async fn host_of(guest: &str, limits: &str) -> TestHost {
    TestHost::builder()
        .guest(guest)
        .limits(limits)
        .start()
        .await
}

/// Checks that the last run of `pipeline` failed because of `limit`, which is counted once.
async fn fails_by(host: &TestHost, pipeline: &str, reply: &Reply, limit: &str) {
    assert_eq!(reply.status, 500, "{}", reply.body);
    assert!(reply.error().contains(limit), "{}", reply.body);
    let error = &reply.json()["error"];
    assert_eq!(
        (&error["code"], &error["param"]),
        (&"limit_exceeded".into(), &limit.into()),
        "{}",
        reply.body
    );
    assert_eq!(reached(host, limit, pipeline).await, 1, "{limit}");
}

/// Waits until this many suspended calls are counted.
async fn suspended(host: &TestHost, count: f64) {
    eventually("the suspended calls are counted", SOON, async || {
        (metric(host, "hayrick_suspended_calls").await == Some(count)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn size_of_one_call_of_each_function() {
    let limits = "host_call_bytes_max = '64 KiB'\nchunk_bytes_max = '1 MiB'";
    let host = TestHost::builder()
        .guest("host-calls")
        .limits(limits)
        .start()
        .await;
    for verb in [
        "log", "note", "report", "send", "set", "cas", "embed", "generate", "submit",
    ] {
        let before = reached(&host, "host_call_bytes_max", "host-calls").await;
        let fits = host
            .client
            .chat("host-calls", &format!("{verb}:1:60000"))
            .await;
        // A guest without `job-handler` cannot have jobs, but the host received the call all the
        // same.
        assert_eq!(fits.status, 200, "{verb}: {}", fits.body);
        let reply = host
            .client
            .chat("host-calls", &format!("{verb}:1:66000"))
            .await;
        assert_eq!(reply.status, 500, "{verb}: {}", reply.body);
        assert_eq!(
            reply.json()["error"]["param"],
            "host_call_bytes_max",
            "{verb}: {}",
            reply.body
        );
        assert_eq!(
            reached(&host, "host_call_bytes_max", "host-calls").await,
            before + 1,
            "{verb}"
        );
    }
}

#[tokio::test]
async fn concurrent_host_calls() {
    let host = host_of("host-calls", "host_calls_max = 10").await;
    assert_eq!(
        host.client.chat("host-calls", "sleep:10:0").await.text(),
        "done"
    );
    let reply = host.client.chat("host-calls", "sleep:11:0").await;
    fails_by(&host, "host-calls", &reply, "host_calls_max").await;
}

#[tokio::test]
async fn size_of_data_held_for_pending_calls() {
    let host = host_of("host-calls", "host_bytes_max = '64 KiB'").await;
    assert_eq!(
        host.client.chat("host-calls", "set:6:10000").await.text(),
        "done"
    );
    let reply = host.client.chat("host-calls", "set:7:10000").await;
    fails_by(&host, "host-calls", &reply, "host_bytes_max").await;
}

#[tokio::test]
async fn the_longest_request_fits_into_a_call_of_a_model() {
    let upstream = FakeUpstream::start(Behaviour::Document).await;
    let host = TestHost::builder()
        .guest("echo-relay")
        .upstream(&upstream.base_url())
        .start()
        .await;
    let text = format!("relay:{}", "x".repeat(31 << 20));
    let reply = host.client.chat("echo-relay", &text).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn handles() {
    let host = host_of("host-calls", "handles_max = 16").await;
    assert_eq!(
        host.client.chat("host-calls", "hold:4:0").await.text(),
        "held 4"
    );
    let reply = host.client.chat("host-calls", "hold:20:0").await;
    fails_by(&host, "host-calls", &reply, "handles_max").await;
}

#[tokio::test]
async fn resources() {
    let host = host_of("host-calls", "resources_max = 10").await;
    assert_eq!(
        host.client.chat("host-calls", "hold:10:0").await.text(),
        "held 10"
    );
    let reply = host.client.chat("host-calls", "hold:11:0").await;
    fails_by(&host, "host-calls", &reply, "resources_max").await;
}

#[tokio::test]
async fn instances_tables_and_their_elements_of_a_component() {
    let limits = "instances_max = 50\nmemories_max = 4\ntables_max = 30\ntable_elements_max = 50000\nmemory_bytes_max = '32 MiB'";
    let host = host_of("echo-relay", limits).await;
    let cases = [
        (
            "instances",
            bloated("echo-relay", &nothing(), 60),
            "instances_max",
        ),
        (
            "tables",
            bloated("echo-relay", &tables(40, 1), 1),
            "tables_max",
        ),
        (
            "memories",
            bloated("echo-relay", &memory(1), 4),
            "memories_max",
        ),
        (
            "elements",
            bloated("echo-relay", &tables(1, 60_000), 1),
            "table_elements_max",
        ),
        (
            "memory",
            bloated("echo-relay", &memory(600), 1),
            "memory_bytes_max",
        ),
    ];
    for (name, component, limit) in cases {
        host.rename_in(name, &component);
        let reason = host.refusal(name).await;
        assert!(reason.contains(limit), "{name}: {reason}");
        assert_eq!(reached(&host, limit, name).await, 1, "{name}");
        assert_eq!(
            metric(
                &host,
                &format!("hayrick_deploys_refused_total{{pipeline=\"{name}\"}}")
            )
            .await,
            Some(1.0),
            "{name}"
        );
    }
    host.rename_in("fits", &bloated("echo-relay", &tables(10, 100), 2));
    host.serves_version("fits", 1).await;
    assert_eq!(host.client.chat("fits", "echo:hi").await.text(), "hi");
}

#[tokio::test]
async fn stack() {
    let host = TestHost::builder()
        .guest("recurse")
        .config("[engine]\nstack_bytes_max = '64 KiB'")
        .start()
        .await;
    assert_eq!(host.client.chat("recurse", "100").await.text(), "depth 100");
    let reply = host.client.chat("recurse", "1000000").await;
    fails_by(&host, "recurse", &reply, "stack_bytes_max").await;
    assert_eq!(host.client.chat("recurse", "100").await.text(), "depth 100");
}

#[tokio::test]
async fn chunks_buffered_for_a_slow_client() {
    let host = host_of(
        "flood-output",
        "channel_items_max = 2\nwall_time_max = '1s'",
    )
    .await;
    let stream = host
        .client
        .stream_with(&stream_body("flood-output", "go on"))
        .await;
    host.is_idle("flood-output").await;
    assert_eq!(reached(&host, "wall_time_max", "flood-output").await, 1);
    assert_eq!(reached(&host, "channel_items_max", "flood-output").await, 1);
    drop(stream);
}

#[tokio::test]
async fn log_lines_per_second_of_all_runs() {
    let host = host_of(
        "log-flood",
        "log_lines_max = 100000\nlog_lines_per_second_max = 50",
    )
    .await;
    assert_eq!(host.client.chat("log-flood", "go on").await.status, 200);
    assert_eq!(host.client.chat("log-flood", "go on").await.status, 200);
    host.logs
        .line(&["log_lines_per_second_max", "log-flood"])
        .await;
    let dropped = reached(&host, "log_lines_per_second_max", "log-flood").await;
    let written = host
        .logs
        .lines()
        .iter()
        .filter(|line| line.contains("line ") && line.contains("log-flood"))
        .count() as u64;
    assert!(
        written < FLOOD_LINES && dropped + written >= FLOOD_LINES,
        "{written} written, {dropped} dropped"
    );
}

#[tokio::test]
async fn memory_of_all_runs_of_a_plugin() {
    let host = host_of("memory-hold", "plugin_memory_bytes_max = '32 MiB'").await;
    let mut first = host.client.stream("memory-hold", "20:500").await;
    first.next_text().await;
    assert!(
        metric(
            &host,
            "hayrick_plugin_memory_bytes{pipeline=\"memory-hold\"}"
        )
        .await
        .unwrap()
            >= f64::from(20 << 20)
    );
    let refused = host.client.chat("memory-hold", "20:1").await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (429, &"plugin_memory_bytes_max".into()),
        "{}",
        refused.body
    );
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        reached(&host, "plugin_memory_bytes_max", "memory-hold").await,
        1
    );
    drop(first);
    host.is_idle("memory-hold").await;
    assert_eq!(metric(&host, "hayrick_memory_bytes").await, Some(0.0));
    assert!(
        host.client
            .chat("memory-hold", "20:1")
            .await
            .text()
            .ends_with("held 20971520")
    );
}

#[tokio::test]
async fn memory_of_all_runs_of_the_host() {
    let host = TestHost::builder()
        .guest("memory-hold")
        .guest_as("memory-hold", "other")
        .limits("plugin_memory_bytes_max = '32 MiB'");
    let host = host
        .config("[engine]\nhost_memory_bytes_max = '32 MiB'")
        .start()
        .await;
    let mut first = host.client.stream("memory-hold", "20:500").await;
    first.next_text().await;
    let refused = host.client.chat("other", "20:1").await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (429, &"host_memory_bytes_max".into()),
        "{}",
        refused.body
    );
    assert_eq!(reached(&host, "host_memory_bytes_max", "other").await, 1);
    drop(first);
    host.is_idle("memory-hold").await;
    assert!(
        host.client
            .chat("other", "20:1")
            .await
            .text()
            .ends_with("held 20971520")
    );
}

#[tokio::test]
async fn suspended_calls_of_a_run() {
    let host = TestHost::builder()
        .limits("suspended_calls_max = 4")
        .start()
        .await;
    host.rename_in("siblings", &siblings(8));
    host.serves_version("siblings", 1).await;
    let reply = host.client.chat("siblings", "go on").await;
    fails_by(&host, "siblings", &reply, "suspended_calls_max").await;
}

#[tokio::test]
async fn suspended_calls_of_all_runs_of_a_plugin_and_of_the_host() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .limits("plugin_suspended_calls_max = 11")
        .config("[engine]\nhost_suspended_calls_max = 13")
        .start()
        .await;
    for name in ["siblings", "other"] {
        host.rename_in(name, &siblings(6));
        host.serves_version(name, 1).await;
    }
    // A run and its six calls are suspended: five more than are free.
    let mut holding = JoinSet::new();
    for held in [5.0, 10.0] {
        let client = host.client.clone();
        holding.spawn(async move { client.chat("siblings", "hold").await });
        suspended(&host, held).await;
    }
    for (name, limit) in [
        ("siblings", "plugin_suspended_calls_max"),
        ("other", "host_suspended_calls_max"),
    ] {
        let refused = host.client.chat(name, "hold").await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["param"]),
            (429, &limit.into()),
            "{}",
            refused.body
        );
        assert!(refused.header("retry-after").is_some());
        assert_eq!(reached(&host, limit, name).await, 1);
    }
    assert_eq!(host.client.chat("echo-relay", "echo:hi").await.text(), "hi");
    holding.shutdown().await;
    suspended(&host, 0.0).await;
}

#[tokio::test]
async fn setup_time() {
    let host = host_of("spin-in-setup", "setup_time_max = '300ms'").await;
    let reason = host.refusal("spin-in-setup").await;
    assert!(reason.contains("setup_time_max"), "{reason}");
    assert_eq!(reached(&host, "setup_time_max", "spin-in-setup").await, 1);
}

#[tokio::test]
async fn a_flood_of_cheap_calls_ends_at_its_time_limit() {
    let limits = "cpu_time_max = '300ms'\nlog_lines_max = 10";
    let host = TestHost::builder()
        .guest("storm")
        .guest("slow-stream")
        .limits(limits)
        .alone()
        .start()
        .await;
    for verb in [
        "log", "note", "report", "id", "clock", "print", "bulk", "grow", "sleep",
    ] {
        let reply = beside_a_neighbour(&host, host.client.chat("storm", verb)).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (504, &"cpu_time_max".into()),
            "{verb}: {}",
            reply.body
        );
    }
    assert_eq!(reached(&host, "cpu_time_max", "storm").await, 9);
}
