//! The corpus of hostile guests against a host of low limits, a theme a test: what the example
//! `hostile` does to any server.

use std::time::Duration;

use crate::hostile::attack::{Arena, Target};
use crate::hostile::case::Theme;
use crate::hostile::cases;
use crate::hostile::deploy::Deployer;
use crate::hostile::table::{heading, line};
use crate::support::host::TestHost;
use crate::support::report::say;

/// The limits of the file that the page on the corpus starts a server with.
const SETTINGS: &str = include_str!("hostile/hayrick.toml");
/// An unoptimised host on two processors, shared with attacker and neighbour: below what a stream's
/// reader notices.
const FLOOR: Duration = Duration::from_millis(250);

/// Every case of the theme beside a neighbour; the table is printed whatever comes of it.
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
        .expect("a file lies in a folder")
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
async fn who_takes_the_processor() {
    withstands(Theme::Cpu).await;
}

#[tokio::test]
async fn who_takes_memory() {
    withstands(Theme::Memory).await;
}

#[tokio::test]
async fn values_out_of_bounds() {
    withstands(Theme::HostCalls).await;
}

#[tokio::test]
async fn answers_in_disguise() {
    withstands(Theme::Answer).await;
}

#[tokio::test]
async fn who_breaks() {
    withstands(Theme::Traps).await;
}

#[tokio::test]
async fn who_misuses_the_queue() {
    withstands(Theme::Jobs).await;
}

#[tokio::test]
async fn who_would_be_somebody_else() {
    withstands(Theme::Identity).await;
}

#[tokio::test]
async fn who_looks_around() {
    withstands(Theme::Ambient).await;
}

#[tokio::test]
async fn who_misuses_time() {
    withstands(Theme::Time).await;
}

#[tokio::test]
async fn what_is_no_component() {
    withstands(Theme::Malformed).await;
}
