//! Files that are replaced in every way programs replace files: the old version serves until the new
//! one does.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use crate::support::await_event::{SOON, eventually};
use crate::support::client::Client;
use crate::support::guest::guest_bytes;
use crate::support::host::TestHost;
use crate::support::process::children;

const NAME: &str = "live";

/// The same component with a mark that changes its digest and not its size.
fn marked(mark: u8) -> Vec<u8> {
    // A custom section: its id, its size, the length of its name, the name, and the mark.
    [&*guest_bytes("echo-relay"), &[0, 3, 1, b'm', mark]].concat()
}

/// Asks again and again until told to stop, and returns what did not get its answer.
fn load(client: &Client, stop: &Arc<AtomicBool>) -> JoinSet<Vec<String>> {
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (client, stop) = (client.clone(), Arc::clone(stop));
        clients.spawn(async move {
            let mut failed = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let reply = client.chat(NAME, "echo:hi").await;
                if reply.status != 200 {
                    failed.push(format!("{}: {}", reply.status, reply.body));
                }
            }
            failed
        });
    }
    clients
}

#[tokio::test]
async fn no_program_that_replaces_a_file_fails_a_request() {
    let host = TestHost::builder()
        .guest_as("echo-relay", NAME)
        .start()
        .await;
    let path = host.plugin_file(NAME);
    let aside = host.scratch_file("aside.wasm");
    let stop = Arc::new(AtomicBool::new(false));
    let clients = load(&host.client, &stop);
    type Replace<'a> = &'a dyn Fn(&[u8]);
    let ways: [(&str, Replace<'_>); 5] = [
        ("removed, then written, as install does", &|bytes| {
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }),
        ("renamed over", &|bytes| {
            std::fs::write(&aside, bytes).unwrap();
            std::fs::rename(&aside, &path).unwrap();
        }),
        ("written in place, in pieces", &|bytes| {
            let (first, second) = bytes.split_at(bytes.len() / 2);
            std::fs::write(&path, first).unwrap();
            let mut file = std::fs::File::options().append(true).open(&path).unwrap();
            std::io::Write::write_all(&mut file, second).unwrap();
        }),
        ("a link that is switched", &|bytes| {
            std::fs::write(&aside, bytes).unwrap();
            let link = path.with_file_name(".link");
            std::os::unix::fs::symlink(&aside, &link).unwrap();
            std::fs::rename(&link, &path).unwrap();
        }),
        ("of the same size and time", &|bytes| {
            let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
            std::fs::write(&path, bytes).unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(modified).unwrap();
        }),
    ];
    for (number, (way, replace)) in (2..).zip(ways) {
        replace(&marked(number));
        host.serves_version(NAME, number.into()).await;
        println!("{way}: version {number} serves");
    }
    stop.store(true, Ordering::Relaxed);
    assert_eq!(clients.join_all().await.concat(), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_that_is_away_for_a_while_undeploys_nothing() {
    let host = TestHost::builder()
        .guest_as("echo-relay", NAME)
        .start()
        .await;
    let plugin = host.plugin_file(NAME);
    let folder: &Path = plugin.parent().unwrap();
    let aside = host.scratch_file("plugins-aside");
    std::fs::rename(folder, &aside).unwrap();
    host.logs.line(&["cannot read the plugins folder"]).await;
    assert_eq!(host.client.chat(NAME, "echo:hi").await.status, 200);
    std::fs::rename(&aside, folder).unwrap();
    std::fs::write(&plugin, marked(2)).unwrap();
    host.serves_version(NAME, 2).await;
    assert!(
        !host
            .logs
            .lines()
            .iter()
            .any(|line| line.contains("undeployed"))
    );
}

#[tokio::test]
async fn a_compilation_that_was_killed_from_outside_is_tried_again() {
    let host = TestHost::builder().cold().start().await;
    std::fs::write(host.plugin_file(NAME), marked(7)).unwrap();
    let compiler = eventually("the compiler runs", SOON, async || {
        children(host.pid()).first().copied()
    })
    .await;
    let compiler = compiler.to_string();
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &compiler])
        .status();
    assert!(killed.unwrap().success());
    host.serves_version(NAME, 1).await;
    assert_eq!(host.client.chat(NAME, "echo:hi").await.text(), "hi");
}

#[tokio::test]
async fn after_a_start_what_lies_in_the_folder_is_being_compiled_and_not_unknown() {
    let host = TestHost::builder().cold().guest_as("echo-relay", NAME);
    let launch = host.prepare().await;
    let mut process = launch.begin();
    let client = Client::new(&format!("http://{}", process.address().await));
    loop {
        let reply = client.chat(NAME, "echo:hi").await;
        match reply.status {
            200 => break,
            503 => assert!(reply.header("retry-after").is_some(), "{}", reply.body),
            _ => panic!("{}: {}", reply.status, reply.body),
        }
    }
    assert_eq!(client.chat("absent", "x").await.status, 404);
}
