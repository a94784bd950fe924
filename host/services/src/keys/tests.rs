//! Keys from making to revoking, over a folder.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hayrick_types::clock::Clock;
use tempfile::TempDir;

use super::file::{FILE, KeyFile};
use super::key::{Key, NewKey, Scope};
use super::ring::{KeyRing, read_used};

fn new_key(expires_at: Option<u64>) -> NewKey {
    let (rate, burst, concurrency_max) = (None, None, None);
    NewKey {
        name: "n".to_owned(),
        scopes: vec![Scope::Invoke],
        pipelines: None,
        rate,
        burst,
        concurrency_max,
        expires_at,
    }
}

fn at(millis: &Arc<AtomicU64>) -> Clock {
    let millis = Arc::clone(millis);
    Arc::new(move || millis.load(Ordering::Relaxed))
}

/// What `ring` says once it has seen the change, which it does within a second.
fn soon(ring: &KeyRing, text: &str, expected: bool) -> bool {
    let start = Instant::now();
    while ring.verify(text).is_some() != expected && start.elapsed() < Duration::from_secs(1) {
        std::thread::yield_now();
    }
    ring.verify(text).is_some() == expected
}

#[test]
fn a_key_opens_until_it_expires_or_is_revoked_and_a_wrong_one_never() {
    let folder = TempDir::new().unwrap();
    let millis = Arc::new(AtomicU64::new(5_000_000));
    let (file, ring) = (
        KeyFile::new(folder.path()),
        KeyRing::open(folder.path(), at(&millis)).unwrap(),
    );
    assert!(ring.is_empty() && ring.verify("").is_none());
    let (kept, kept_text) = file.create(new_key(None), 5000).unwrap();
    let (_, short_text) = file.create(new_key(Some(6000)), 5000).unwrap();
    assert!(
        soon(&ring, kept_text.expose(), true)
            && soon(&ring, short_text.expose(), true)
            && !ring.is_empty()
    );

    let (head, secret) = kept_text.expose().rsplit_once('_').unwrap();
    let (other_head, _) = short_text.expose().rsplit_once('_').unwrap();
    let flipped = format!("{head}_{}", secret.chars().rev().collect::<String>());
    for wrong in [
        flipped,
        format!("{other_head}_{secret}"),
        head.to_owned(),
        format!("{head}_"),
        kept.digest.clone(),
    ] {
        assert!(ring.verify(&wrong).is_none(), "{wrong}");
    }
    millis.store(6_000_000, Ordering::Relaxed);
    assert!(
        ring.verify(short_text.expose()).is_none() && ring.verify(kept_text.expose()).is_some()
    );

    let revoked = file.revoke(&kept.id, 6001).unwrap().unwrap();
    assert_eq!(
        file.revoke(&kept.id, 7000).unwrap(),
        Some(revoked.clone()),
        "the first revocation counts"
    );
    assert_eq!(
        (revoked.revoked_at, file.revoke("absent", 1).unwrap()),
        (Some(6001), None)
    );
    assert!(
        soon(&ring, kept_text.expose(), false) && !ring.is_empty(),
        "revoked keys are keys all the same"
    );
}

#[test]
fn the_file_is_private_and_has_no_secret() {
    let folder = TempDir::new().unwrap();
    let file = KeyFile::new(folder.path());
    let (key, text) = file.create(new_key(None), 1).unwrap();
    let path = folder.path().join(FILE);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let secret = text.expose().rsplit_once('_').unwrap().1;
    let content = std::fs::read_to_string(&path).unwrap();
    assert!(
        content.contains(&key.id)
            && !content.contains(secret)
            && !format!("{text:?}").contains(secret)
    );
    assert_eq!(file.read().unwrap(), [key]);
}

#[test]
fn a_damaged_file_opens_nothing_and_does_not_count_as_none() {
    let folder = TempDir::new().unwrap();
    let ring = KeyRing::open(folder.path(), at(&Arc::default())).unwrap();
    let (_, text) = KeyFile::new(folder.path())
        .create(new_key(None), 1)
        .unwrap();
    assert!(soon(&ring, text.expose(), true));
    std::fs::write(folder.path().join(FILE), "{").unwrap();
    assert!(soon(&ring, text.expose(), false) && !ring.is_empty());
    assert!(KeyRing::open(folder.path(), at(&Arc::default())).is_err());
}

#[test]
fn many_at_once_lose_no_key() {
    let folder = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                KeyFile::new(folder.path())
                    .create(new_key(None), 1)
                    .unwrap()
            });
        }
    });
    let keys = KeyFile::new(folder.path()).read().unwrap();
    let mut ids: Vec<&str> = keys.iter().map(|key: &Key| key.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[test]
fn when_a_key_was_used_is_written_down() {
    let folder = TempDir::new().unwrap();
    let (key, text) = KeyFile::new(folder.path())
        .create(new_key(None), 1)
        .unwrap();
    let ring = KeyRing::open(folder.path(), at(&Arc::new(AtomicU64::new(7_999)))).unwrap();
    ring.flush();
    assert!(read_used(folder.path()).is_empty());
    ring.verify(text.expose()).unwrap();
    ring.flush();
    assert_eq!(read_used(folder.path()).get(&key.id), Some(&7));
}
