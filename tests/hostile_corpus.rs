//! Runs the corpus of hostile guests against a host with low limits, one test per theme. The
//! example `hostile` does the same to any server.

use std::time::Duration;

use crate::hostile::attack::{Arena, Target};
use crate::hostile::case::Theme;
use crate::hostile::cases;
use crate::hostile::deploy::Deployer;
use crate::hostile::table::{heading, line};
use crate::support::host::TestHost;
use crate::support::report::say;

/// The settings that docs/hostile-corpus.md starts a server with.
const SETTINGS: &str = include_str!("hostile/hayrick.toml");
/// For an unoptimised host that shares two processors with the attacker and the neighbour; a reader
/// of a stream would not notice more.
const FLOOR: Duration = Duration::from_millis(250);

/// Runs every case of the theme next to a neighbour and prints the table in any case.
async fn withstands(theme: Theme) {
    let limits = SETTINGS
        .split_once("[limits]\n")
        .and_then(|(_, rest)| rest.split_once("[jobs]"))
        .expect("hayrick.toml has two sections");
    let jobs = format!("[jobs]{}", limits.1);
    let host = TestHost::builder()
        .limits(limits.0)
        .config(&jobs)
        .alone()
        .start()
        .await;
    let plugins = host
        .plugin_file("x")
        .parent()
        .expect("the file is in a folder")
        .to_owned();
    let target = Target {
        url: host.base_url(),
        api_key: None,
        deployer: Deployer::Folder(plugins),
        patience: Duration::from_secs(30),
        rate: 50,
        watch: Duration::from_millis(300),
        quiet_watch: Duration::from_secs(1),
        floor: FLOOR,
        pid: Some(host.pid()),
    };
    let arena = Arena::open(target).await.expect("the arena opens");
    say(&heading(&arena));
    let mut failed = Vec::new();
    for case in cases::all().iter().filter(|case| case.theme == theme) {
        let row = arena.attack(case).await;
        say(&line(&row));
        if !row.problems.is_empty() {
            failed.push(line(&row));
        }
    }
    assert!(
        failed.is_empty(),
        "the host did not withstand:\n{}",
        failed.join("\n")
    );
}

#[tokio::test]
async fn guests_that_hog_the_cpu() {
    withstands(Theme::Cpu).await;
}

#[tokio::test]
async fn guests_that_hog_memory() {
    withstands(Theme::Memory).await;
}

#[tokio::test]
async fn host_calls_with_values_out_of_range() {
    withstands(Theme::HostCalls).await;
}

#[tokio::test]
async fn forged_answers() {
    withstands(Theme::Answer).await;
}

#[tokio::test]
async fn guests_that_fail() {
    withstands(Theme::Traps).await;
}

#[tokio::test]
async fn guests_that_misuse_the_queue() {
    withstands(Theme::Jobs).await;
}

#[tokio::test]
async fn guests_that_impersonate_others() {
    withstands(Theme::Identity).await;
}

#[tokio::test]
async fn guests_that_probe_their_environment() {
    withstands(Theme::Ambient).await;
}

#[tokio::test]
async fn guests_that_misuse_time() {
    withstands(Theme::Time).await;
}

#[tokio::test]
async fn clients_that_send_too_much() {
    withstands(Theme::Clients).await;
}

#[tokio::test]
async fn malformed_components() {
    withstands(Theme::Malformed).await;
}
