//! Files that are added, changed, removed and invalid, while streams run.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags};
use tokio::task::JoinSet;

use crate::support::await_event::{SOON, eventually};
use crate::support::client::Client;
use crate::support::guest::{guest, guest_bytes};
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::process::computed;
use crate::support::quiet::Stopwatch;
use crate::support::report::say;

/// The pipeline name used in these tests.
const NAME: &str = "live";
/// Measured from the moment a file is complete.
const SWAP_MAX: Duration = Duration::from_secs(1);

fn live(guest: &str) -> TestHostBuilder {
    // These tests swap guests that ask for different interfaces; `policy` tests that this needs a
    // grant.
    TestHost::builder()
        .config("[grants]\nupgrades = 'any'")
        .guest_as(guest, NAME)
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_served_once_it_may() {
    let host = TestHost::builder().obeying_modes().start().await;
    let file = host.plugin_file(NAME);
    // Under a name that is not watched, so that it never appears with another mode.
    let aside = host.scratch_file("aside");
    std::fs::copy(guest("echo-relay"), &aside).unwrap();
    std::fs::set_permissions(&aside, Permissions::from_mode(0o000)).unwrap();
    std::fs::rename(&aside, &file).unwrap();
    let reason = host.refusal(NAME).await;
    assert!(reason.contains("denied"), "{reason}");
    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    host.serves_version(NAME, 1).await;

    // It may be read no longer: the version that serves goes on.
    std::fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    let reason = host.refusal(NAME).await;
    assert!(reason.contains("denied"), "{reason}");
    assert_eq!(host.client.chat(NAME, "echo:hi").await.text(), "hi");
}

#[tokio::test]
async fn without_a_free_inotify_instance_the_folder_is_scanned() {
    let launch = TestHost::builder().alone().prepare().await;
    // All that the kernel gives this user.
    let taken: Vec<_> = std::iter::from_fn(|| inotify::init(CreateFlags::CLOEXEC).ok()).collect();
    let host = TestHost::begin(launch).await;
    host.logs
        .line(&["WARN", "the plugins folder is scanned every second"])
        .await;
    std::fs::copy(guest("echo-relay"), host.plugin_file(NAME)).unwrap();
    host.serves_version(NAME, 1).await;
    drop(taken);
}

#[tokio::test]
async fn added_files_are_served_and_deleted_ones_are_not() {
    let host = TestHost::builder().start().await;
    assert_eq!(host.client.chat(NAME, "echo:hi").await.status, 404);
    std::fs::copy(guest("echo-relay"), host.plugin_file(NAME)).unwrap();
    host.serves_version(NAME, 1).await;
    assert_eq!(host.client.chat(NAME, "echo:hi").await.text(), "hi");
    host.logs.line(&["deployed", NAME]).await;

    std::fs::remove_file(host.plugin_file(NAME)).unwrap();
    eventually("it is undeployed", SOON, async || {
        host.client.status(NAME).await.is_none().then_some(())
    })
    .await;
    assert_eq!(host.client.chat(NAME, "echo:hi").await.status, 404);
    host.logs.line(&["undeployed", NAME]).await;
}

#[tokio::test]
async fn running_answers_of_a_deleted_file_finish() {
    let host = live("slow-stream").start().await;
    let mut stream = host.client.stream(NAME, "100").await;
    stream.next_text().await;
    std::fs::remove_file(host.plugin_file(NAME)).unwrap();
    eventually("it is undeployed", SOON, async || {
        host.client.status(NAME).await.is_none().then_some(())
    })
    .await;
    stream.rest_text().await;
}

#[tokio::test]
async fn replacing_by_copy_and_by_rename_while_50_streams_run() {
    let host = live("slow-stream").alone().start().await;
    // The new version is compiled once before, as on a machine that has already seen this file.
    host.rename_in("warm-up", &guest_bytes("echo-relay"));
    host.serves_version("warm-up", 1).await;
    let mut streams = JoinSet::new();
    for _ in 0..50 {
        streams.spawn(read_all(host.client.clone()));
    }
    runs(&host, 50).await;

    host.rename_in(NAME, &guest_bytes("echo-relay"));
    swapped(&host, 2, host.stopwatch()).await;
    assert_eq!(host.client.chat(NAME, "echo:new").await.text(), "new");
    std::fs::write(host.plugin_file(NAME), guest_bytes("slow-stream")).unwrap();
    swapped(&host, 3, host.stopwatch()).await;
    assert_eq!(
        host.client.status(NAME).await.unwrap()["active_runs"],
        50,
        "the streams should outlast both swaps"
    );

    let texts = streams.join_all().await;
    assert!(
        texts.iter().all(|text| text == &texts[0]),
        "streams of one version differ"
    );
}

async fn read_all(client: Client) -> String {
    client.stream(NAME, "300").await.rest_text().await
}

async fn runs(host: &TestHost, count: u64) {
    eventually("all streams run", SOON, async || {
        let status = host.client.status(NAME).await?;
        (status["active_runs"] == count).then_some(())
    })
    .await;
}

async fn swapped(host: &TestHost, number: u64, complete: Stopwatch) {
    host.serves_version(NAME, number).await;
    let took = complete.elapsed();
    say(&format!(
        "version {number} serves {took:?} after its file was complete"
    ));
    assert!(took <= SWAP_MAX, "version {number} took {took:?}");
}

#[tokio::test]
async fn no_request_fails_while_versions_change() {
    let host = live("echo-relay").start().await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let client = host.client.clone();
    let asking = tokio::spawn(async move {
        let mut count = 0;
        while stopped.try_recv().is_err() {
            let reply = client.chat(NAME, "echo:hi").await;
            // Both guests answer, but differently.
            assert_eq!(reply.status, 200, "{}", reply.body);
            count += 1;
        }
        count
    });
    for (number, guest) in [
        (2, "counter"),
        (3, "echo-relay"),
        (4, "counter"),
        (5, "echo-relay"),
    ] {
        host.rename_in(NAME, &guest_bytes(guest));
        host.serves_version(NAME, number).await;
    }
    stop.send(()).unwrap();
    assert!(asking.await.unwrap() > 4);
}

#[tokio::test]
async fn a_bad_file_is_reported_and_the_old_version_keeps_serving() {
    let host = live("echo-relay")
        .limits("setup_time_max = '500ms'")
        .start()
        .await;
    let mut truncated = guest_bytes("echo-relay");
    truncated.truncate(truncated.len() / 2);
    let cases = [
        ("truncated", truncated, "the file is truncated"),
        ("empty", Vec::new(), "empty"),
        (
            "text",
            b"#!/bin/sh\necho hello\n".to_vec(),
            "not a WebAssembly file",
        ),
        ("core module", b"\0asm\x01\0\0\0".to_vec(), "wasm32-wasip2"),
        ("no lifecycle", guest_bytes("no-lifecycle"), "lifecycle"),
        (
            "ungranted import",
            guest_bytes("ungranted-import"),
            "does not provide",
        ),
        (
            "fails in setup",
            guest_bytes("fail-in-setup"),
            "setup failed",
        ),
        ("panics in setup", guest_bytes("panic-in-setup"), "panicked"),
        (
            "loops in setup",
            guest_bytes("spin-in-setup"),
            "setup_time_max",
        ),
    ];
    for (case, content, fragment) in cases {
        host.rename_in(NAME, &content);
        let reason = refused_anew(&host, fragment).await;
        host.logs
            .line(&["not deployed", &reason[..reason.len().min(60)]])
            .await;
        let shown = host.status_command();
        assert!(
            shown.contains(fragment),
            "{case}: `hayrick status` does not say {fragment:?}: {shown}"
        );
        let status = host.client.status(NAME).await.unwrap();
        assert_eq!(
            (&status["state"], &status["version"]["number"]),
            (&"ready".into(), &1.into()),
            "{case}"
        );
        assert_eq!(
            host.client
                .chat(NAME, "echo:still the old one")
                .await
                .text(),
            "still the old one",
            "{case}"
        );
    }
    host.rename_in(NAME, &guest_bytes("slow-stream"));
    let status = host.serves_version(NAME, 2).await;
    assert!(
        status["last_error"].is_null(),
        "a valid file clears the refusal: {status}"
    );
}

async fn refused_anew(host: &TestHost, fragment: &str) -> String {
    eventually(&format!("a refusal with {fragment:?}"), SOON, async || {
        let status = host.client.status(NAME).await?;
        status["last_error"]["reason"]
            .as_str()
            .filter(|reason| reason.contains(fragment))
            .map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn a_slow_plugin_does_not_delay_the_start() {
    let host = TestHost::builder().start().await;
    host.rename_in("spins", &guest_bytes("spin-in-setup"));
    host.rename_in("echo", &guest_bytes("echo-relay"));
    host.serves_version("echo", 1).await;
    assert_eq!(host.client.chat("echo", "echo:hi").await.text(), "hi");
    let status = host.client.status("spins").await.unwrap();
    assert_eq!(status["state"], "loading", "{status}");
    assert_eq!(host.client.chat("spins", "hi").await.status, 503);
}

#[tokio::test]
async fn names_that_would_shadow_a_route_are_refused() {
    let host = TestHost::builder()
        .guest_as("echo-relay", "status")
        .guest_as("echo-relay", "a b")
        .start()
        .await;
    for name in ["status", "a b"] {
        host.logs
            .line(&["not deployed", "rename the file", name])
            .await;
    }
    assert!(host.client.get("/status").await.json()["pipelines"].is_array());
    assert!(host.status_command().contains("rename the file"));
}

#[tokio::test]
async fn the_second_start_loads_code_compiled_by_the_first() {
    let first = live("echo-relay").cold().alone().start().await;
    let cold = first.client.status(NAME).await.unwrap()["version"].clone();
    let second = first.restart().await;
    let warm = second.client.status(NAME).await.unwrap()["version"].clone();
    say(&format!(
        "compiled in {} ms, loaded in {} ms",
        cold["compile_ms"], warm["compile_ms"]
    ));
    assert_eq!(
        (&cold["from_cache"], &warm["from_cache"]),
        (&false.into(), &true.into())
    );
    assert!(
        warm["compile_ms"].as_u64() < cold["compile_ms"].as_u64(),
        "{cold} {warm}"
    );
}

#[tokio::test]
async fn watching_an_idle_folder_uses_little_cpu() {
    let host = live("slow-stream").alone().start().await;
    let (begun, before) = (host.stopwatch(), computed(host.pid()));
    // A stream of two seconds during which nothing changes.
    host.client.stream(NAME, "100").await.rest_text().await;
    let (took, time) = (begun.elapsed(), computed(host.pid()) - before);
    say(&format!(
        "an idle folder: {time:?} of CPU time in {took:.1?}"
    ));
    assert!(
        time < took / 4,
        "the host used {time:?} of CPU time in {took:?}"
    );
}
