//! Compiled code that was modified, swapped or planted is never run.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::support::command::{CommandOutput, hayrick};
use crate::support::folder::Folder;
use crate::support::guest::leave_out;
use crate::support::host::{TestHost, TestHostBuilder};

/// The header of a sealed file: tag, mark, component, engine.
const HEADER_BYTES: usize = 32 + 16 + 32 + 32;

/// What is done to the sealed file of a guest.
type Touch = fn(&mut Vec<u8>);

const TOUCHED: [(&str, Touch); 10] = [
    ("big-chunk", |file| file[0] ^= 1),
    ("counter", |file| file[32] ^= 0x80),
    ("echo-relay", |file| file[48] ^= 1),
    ("files-echo", |file| file[80] ^= 1),
    ("flood-output", |file| file[HEADER_BYTES] ^= 1),
    ("log-flood", |file| {
        let middle = file.len() / 2;
        file[middle] ^= 4;
    }),
    ("panic", |file| *file.last_mut().unwrap() ^= 1),
    ("sleep-forever", |file| file.truncate(file.len() - 1)),
    ("spin-in-chat", Vec::clear),
    ("stderr-writer", |file| file.push(0)),
];
const EXCHANGED: [&str; 2] = ["state-tool", "task-reporter"];
const UNTOUCHED: &str = "slow-stream";

fn host() -> TestHostBuilder {
    let guests = TOUCHED
        .iter()
        .map(|(guest, _)| *guest)
        .chain(EXCHANGED)
        .chain([UNTOUCHED]);
    guests.fold(TestHost::builder().cold(), TestHostBuilder::guest)
}

async fn from_cache(host: &TestHost, guest: &str) -> bool {
    let status = host.client.status(guest).await.unwrap();
    status["version"]["from_cache"]
        .as_bool()
        .unwrap_or_else(|| panic!("{guest} is not serving: {status}"))
}

/// The sealed file of a guest's code.
async fn sealed(host: &TestHost, guest: &str) -> PathBuf {
    let digest = host.client.status(guest).await.unwrap()["version"]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut files = std::fs::read_dir(host.data_path("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = files.find(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(&digest)
    });
    file.unwrap_or_else(|| panic!("{guest} has no compiled code"))
}

#[tokio::test]
async fn modified_code_is_discarded_and_recompiled() {
    let first = host().start().await;
    let mut names = Vec::new();
    for (guest, touch) in TOUCHED {
        let path = sealed(&first, guest).await;
        let mut content = std::fs::read(&path).unwrap();
        touch(&mut content);
        std::fs::write(&path, content).unwrap();
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    let [one, other] = [
        sealed(&first, EXCHANGED[0]).await,
        sealed(&first, EXCHANGED[1]).await,
    ];
    let aside = one.with_extension("aside");
    for (from, to) in [(&one, &aside), (&other, &one), (&aside, &other)] {
        std::fs::rename(from, to).unwrap();
    }
    let second = first.restart().await;
    for guest in TOUCHED.map(|(guest, _)| guest).into_iter().chain(EXCHANGED) {
        assert!(
            !from_cache(&second, guest).await,
            "{guest}: code that was touched was loaded"
        );
    }
    assert!(
        from_cache(&second, UNTOUCHED).await,
        "unmodified code was not loaded"
    );
    for name in &names {
        second.logs.line(&["discarding cached code", name]).await;
    }
    assert_eq!(
        second.client.chat("echo-relay", "echo:hi").await.text(),
        "hi"
    );
    // Recompiled code is valid again and is loaded.
    let third = second.restart().await;
    assert!(from_cache(&third, "echo-relay").await && from_cache(&third, EXCHANGED[0]).await);
}

#[tokio::test]
async fn code_sealed_with_another_key_is_not_loaded() {
    let first = TestHost::builder().guest(UNTOUCHED).cold().start().await;
    let key = first.data_path("cache.key");
    let metadata = std::fs::metadata(&key).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.len()), (0o600, 32));
    assert_eq!(
        std::fs::metadata(sealed(&first, UNTOUCHED).await)
            .unwrap()
            .mode()
            & 0o777,
        0o600
    );
    assert_eq!(
        std::fs::metadata(first.data_path("cache")).unwrap().mode() & 0o777,
        0o700
    );
    std::fs::remove_file(&key).unwrap();
    let second = first.restart().await;
    assert!(!from_cache(&second, UNTOUCHED).await);
    assert!(key.exists(), "no new key was made");
}

#[tokio::test]
async fn least_recently_used_code_is_evicted_from_a_full_cache() {
    let host = TestHost::builder()
        .cold()
        .config("[engine]\ncache_bytes_max = '1 MiB'")
        .start()
        .await;
    for guest in [
        "echo-relay",
        "counter",
        "slow-stream",
        "state-tool",
        "files-echo",
    ] {
        assert_eq!(
            host.client
                .deploy(guest, crate::support::guest::guest_bytes(guest))
                .await
                .status,
            200
        );
    }
    let sizes = std::fs::read_dir(host.data_path("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len());
    let sizes: Vec<u64> = sizes.collect();
    assert!(
        sizes.iter().sum::<u64>() <= 1 << 20 && sizes.len() < 5,
        "cache_bytes_max is exceeded: {sizes:?}"
    );
}

fn start_over(data_dir: &Path) -> CommandOutput {
    let shown = data_dir.display().to_string();
    hayrick(&[
        "serve",
        "--port",
        "0",
        "--plugins-dir",
        &shown,
        "--data-dir",
        &shown,
    ])
}

#[test]
fn the_host_does_not_start_if_others_can_change_the_cache_folder_or_key() {
    let folder = Folder::fresh();
    let (cache, key) = (folder.subfolder("cache"), folder.path().join("cache.key"));
    let refused = |fragments: &[&str]| {
        let ended = start_over(folder.path());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            fragments
                .iter()
                .all(|fragment| ended.stderr.contains(fragment)),
            "{fragments:?}: {}",
            ended.stderr
        );
    };
    std::fs::set_permissions(&cache, Permissions::from_mode(0o777)).unwrap();
    refused(&["may write to the compile cache", "chmod 700"]);
    std::fs::set_permissions(&cache, Permissions::from_mode(0o700)).unwrap();
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    refused(&["cache.key", "remove it"]);
    std::fs::remove_file(&key).unwrap();
    if std::fs::metadata(folder.path()).unwrap().uid() != 0 {
        return leave_out("a compile cache of another user: run the tests as root");
    }
    chown(&cache, Some(65_534), None).unwrap();
    refused(&["belongs to user 65534"]);
}
