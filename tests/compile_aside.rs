//! Components made to overload the compiler: they are refused with a reason, the host keeps
//! serving, and nothing of them is left behind.

use std::path::Path;
use std::time::Duration;

use crate::support::await_event::{SOON, eventually};
use crate::support::command::hayrick;
use crate::support::folder::Folder;
use crate::support::guest::guest_bytes;
use crate::support::host::TestHost;
use crate::support::metrics::reached;
use crate::support::neighbour::beside_a_neighbour;
use crate::support::process::{children, is_alive};
use crate::support::report::say;
use crate::support::wasm::{bomb, branch_table, nested, promises};

/// At low priority, a second of CPU time takes long on a busy machine.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(120);

/// Takes about ten seconds and some gigabytes to compile.
fn large_bomb() -> Vec<u8> {
    bomb(12, 2_000_000)
}

/// The reason why a host with these settings refuses `component`, while a neighbour is not
/// affected.
async fn refused(limit: &str, config: &str, component: &[u8]) -> String {
    let host = TestHost::builder()
        .guest("slow-stream")
        .config(config)
        .alone()
        .start()
        .await;
    let begun = host.stopwatch();
    let disturb = async {
        std::fs::write(host.plugin_file("bomb"), component).unwrap();
        eventually("a refusal", REFUSAL_DEADLINE, async || {
            let status = host.client.status("bomb").await?;
            status["last_error"]["reason"].as_str().map(str::to_owned)
        })
        .await
    };
    let reason = beside_a_neighbour(&host, disturb).await;
    say(&format!(
        "{} bytes refused after {:.1?}: {reason}",
        component.len(),
        begun.elapsed()
    ));
    assert_eq!(
        children(host.pid()),
        [0; 0],
        "a compilation is still running"
    );
    assert_eq!(reached(&host, limit, "bomb").await, 1, "{limit}");
    reason
}

#[tokio::test]
async fn cpu_time_of_a_compilation_is_limited() {
    let reason = refused(
        "compile_cpu_time_max",
        "[engine]\ncompile_cpu_time_max = '1s'",
        &large_bomb(),
    )
    .await;
    assert!(
        reason.contains("1 s of CPU time (compile_cpu_time_max)"),
        "{reason}"
    );
}

#[tokio::test]
async fn memory_of_a_compilation_is_limited() {
    let reason = refused(
        "compile_memory_bytes_max",
        "[engine]\ncompile_memory_bytes_max = '100 MiB'",
        &large_bomb(),
    )
    .await;
    assert!(
        reason.contains("100 MiB of memory (compile_memory_bytes_max)"),
        "{reason}"
    );
}

#[tokio::test]
async fn duration_of_a_compilation_is_limited() {
    let reason = refused(
        "compile_time_max",
        "[engine]\ncompile_time_max = '900ms'",
        &large_bomb(),
    )
    .await;
    assert!(reason.contains("900 ms (compile_time_max)"), "{reason}");
}

#[tokio::test]
async fn size_of_compiled_code_is_limited() {
    let host = TestHost::builder()
        .config("[engine]\nartifact_bytes_max = '4 KiB'")
        .start()
        .await;
    std::fs::write(host.plugin_file("bomb"), bomb(100, 10_000)).unwrap();
    let reason = host.refusal("bomb").await;
    assert!(reason.contains("artifact_bytes_max"), "{reason}");
}

#[tokio::test]
async fn parts_of_a_component_are_counted_before_it_is_compiled() {
    let host = TestHost::builder().start().await;
    let cases = [
        ("component.nesting_max", nested(1000)),
        ("component.functions_max", promises(3, 1_000_000)),
        ("component.types_max", promises(1, 1_000_000)),
        ("component.imports_max", promises(2, 1_000_000)),
        ("component.exports_max", promises(7, 1_000_000)),
        ("component.function_bytes_max", branch_table(3_000_000)),
    ];
    for (limit, component) in cases {
        let reply = host.client.deploy("bomb", component).await;
        assert!(
            reply.status == 422 && reply.error().contains(limit),
            "{limit}: {}",
            reply.body
        );
        assert_eq!(reached(&host, limit, "").await, 1, "{limit}");
    }
    // Within the limits it compiles, and only then is it refused for its missing exports.
    let reply = host.client.deploy("bomb", branch_table(60_000)).await;
    assert!(
        reply.status == 422 && reply.error().contains("lifecycle"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn operators_can_change_the_limits() {
    for (limit, max) in [
        ("component.name_bytes_max", 8),
        ("component.components_max", 1),
        ("component.modules_max", 1),
    ] {
        let key = limit.trim_start_matches("component.");
        let host = TestHost::builder()
            .config(&format!("[component]\n{key} = {max}"))
            .start()
            .await;
        let reply = host.client.deploy("echo", guest_bytes("echo-relay")).await;
        assert!(
            reply.status == 422 && reply.error().contains(limit),
            "{limit}: {}",
            reply.body
        );
        assert_eq!(reached(&host, limit, "").await, 1, "{limit}");
    }
}

#[tokio::test]
async fn truncated_and_corrupted_components_are_harmless() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .limits("setup_time_max = '1s'")
        .start()
        .await;
    let whole = guest_bytes("echo-relay");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..24_usize {
        let mut broken = whole.clone();
        if round % 4 == 0 {
            broken.truncate(whole.len() * (round + 1) / 25);
        }
        for _ in 0..if round % 4 == 0 { 0 } else { 1 << (round % 11) } {
            // xorshift: the same bytes in every run.
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = usize::try_from(seed % (broken.len() as u64)).unwrap();
            broken[at] = (seed >> 40) as u8;
        }
        let reply = host.client.deploy("broken", broken).await;
        assert!(
            reply.status == 422 || reply.status == 200,
            "round {round}: {}",
            reply.body
        );
    }
    assert_eq!(
        host.client
            .chat("echo-relay", "echo:still here")
            .await
            .text(),
        "still here"
    );
}

#[tokio::test]
async fn the_compiler_process_has_no_secrets_or_files() {
    let host = TestHost::builder()
        .variable("OPENAI_API_KEY", "sk-secret")
        .start()
        .await;
    std::fs::write(host.plugin_file("bomb"), large_bomb()).unwrap();
    let child = compiling(&host).await;
    let of_child = |what: &str| std::fs::read_to_string(format!("/proc/{child}/{what}")).unwrap();
    eventually("the compiler has set its limits", SOON, async || {
        limit(&of_child("limits"), "Max file size").filter(|max| max == "0")
    })
    .await;
    let limits = of_child("limits");
    for (name, expected) in [
        ("Max core file size", "0"),
        ("Max open files", "16"),
        ("Max cpu time", "120"),
        ("Max data size", &(2_u64 << 30).to_string()),
    ] {
        assert_eq!(
            limit(&limits, name).as_deref(),
            Some(expected),
            "{name}: {limits}"
        );
    }
    let variables = of_child("environ");
    let variables: Vec<&str> = variables
        .split('\0')
        .filter(|variable| !variable.is_empty())
        .collect();
    assert!(
        variables
            .iter()
            .all(|variable| variable.starts_with("RAYON_NUM_THREADS=")),
        "{variables:?}"
    );
    let handles: Vec<_> = std::fs::read_dir(format!("/proc/{child}/fd"))
        .unwrap()
        .map(|handle| handle.unwrap().path())
        .collect();
    let targets: Vec<_> = handles
        .iter()
        .filter_map(|handle| std::fs::read_link(handle).ok())
        .collect();
    // The process that runs the tests may pass on a pipe, but a socket or a file would be the
    // host's.
    let is_harmless = |target: &std::path::PathBuf| {
        target.to_string_lossy().starts_with("pipe:") || target == Path::new("/dev/null")
    };
    assert!(targets.iter().all(is_harmless), "{targets:?}");
}

/// The soft limit of that name in `/proc/PID/limits`.
fn limit(table: &str, name: &str) -> Option<String> {
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next().map(str::to_owned)
}

#[tokio::test]
async fn a_killed_compilation_is_reported_and_the_old_version_keeps_serving() {
    let host = TestHost::builder()
        .guest_as("echo-relay", "live")
        .start()
        .await;
    host.rename_in("live", &large_bomb());
    kill(compiling(&host).await);
    let reason = host.refusal("live").await;
    assert!(
        reason.contains("the compiler process was killed"),
        "{reason}"
    );
    assert_eq!(host.client.chat("live", "echo:hi").await.text(), "hi");
}

#[tokio::test]
async fn compilations_end_when_their_host_is_killed() {
    let host = TestHost::builder()
        .guest_as("echo-relay", "live")
        .alone()
        .start()
        .await;
    host.rename_in("live", &large_bomb());
    let child = compiling(&host).await;
    let launch = host.killed().await;
    let begun = launch.machine.stopwatch();
    eventually("the compilation has ended", SOON, async || {
        (!is_alive(child)).then_some(())
    })
    .await;
    say(&format!(
        "a compilation outlived its killed host by {:?}",
        begun.elapsed()
    ));
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(launch);
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_compilation() {
    let host = TestHost::builder().start().await;
    let client = host.client.clone();
    let deploy = tokio::spawn(async move { client.deploy("bomb", large_bomb()).await });
    let child = compiling(&host).await;
    deploy.abort();
    eventually("the compilation has ended", SOON, async || {
        (!is_alive(child)).then_some(())
    })
    .await;
    assert!(host.client.status("bomb").await.is_none() && !host.plugin_file("bomb").exists());
}

#[test]
fn inspect_compiles_within_the_same_limits() {
    let folder = Folder::fresh();
    let (file, settings) = (
        folder.path().join("bomb.wasm"),
        folder.path().join("hayrick.toml"),
    );
    std::fs::write(&file, large_bomb()).unwrap();
    std::fs::write(&settings, "[engine]\ncompile_cpu_time_max = '1s'").unwrap();
    let text = |path: &Path| path.display().to_string();
    let ended = hayrick(&["inspect", &text(&file), "--config", &text(&settings)]);
    assert!(
        ended.code == Some(1) && ended.stdout.contains("compile_cpu_time_max"),
        "{ended:?}"
    );
}

/// The compiler process of this host, once it has started.
async fn compiling(host: &TestHost) -> u32 {
    eventually("a compilation", SOON, async || {
        children(host.pid()).first().copied()
    })
    .await
}

fn kill(pid: u32) {
    assert!(
        std::process::Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}
