//! The keys of a running server, by id. They follow the key file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hayrick_types::clock::Clock;

use crate::atomic_file::{self, Access};
use crate::keys::error::KeysError;
use crate::keys::file::{KeyFile, Stamp};
use crate::keys::key::Key;
use crate::keys::token;

/// How often the file is checked for changes, with one system call. A revoked key stops working
/// after this.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Between two writes of the times of last use.
const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
/// The times of last use. A file of its own, so that the server never writes the key file.
const USED_FILE: &str = "keys-used.json";
/// A digest that no secret has. An unknown key is compared with it, so that this takes equally
/// long.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The keys. A cheap handle.
#[derive(Clone)]
pub struct KeyRing {
    inner: Arc<Inner>,
}

struct Inner {
    file: KeyFile,
    folder: PathBuf,
    clock: Clock,
    loaded: Mutex<Loaded>,
    used: Mutex<Used>,
}

struct Loaded {
    looked: Instant,
    stamp: Option<Stamp>,
    /// `None` if the file cannot be read: then no key is valid, and the server does not count as one
    /// without keys.
    keys: Option<HashMap<String, Arc<Key>>>,
}

#[derive(Default)]
struct Used {
    /// Unix times in seconds by id.
    times: BTreeMap<String, u64>,
    is_new: bool,
}

impl KeyRing {
    /// The keys of this data folder.
    ///
    /// # Errors
    /// The file exists and cannot be read.
    pub fn open(data_dir: &Path, clock: Clock) -> Result<KeyRing, KeysError> {
        let file = KeyFile::new(data_dir);
        let stamp = file.stamp();
        let loaded = Loaded {
            looked: Instant::now(),
            stamp,
            keys: Some(by_id(file.read()?)),
        };
        let used = Used {
            times: read_used(data_dir),
            is_new: false,
        };
        let inner = Inner {
            file,
            folder: data_dir.to_owned(),
            clock,
            loaded: Mutex::new(loaded),
            used: Mutex::new(used),
        };
        Ok(KeyRing {
            inner: Arc::new(inner),
        })
    }

    /// The key of this text, if it is valid now. Takes equally long whatever is wrong with it.
    pub fn verify(&self, text: &str) -> Option<Arc<Key>> {
        let (id, secret) = token::parse(text).unwrap_or(("", ""));
        let key = self
            .look()
            .keys
            .as_ref()
            .and_then(|keys| keys.get(id).cloned());
        let is_right = token::is_same(
            &token::digest(secret),
            key.as_ref().map_or(NO_DIGEST, |key| &key.digest),
        );
        let now = self.now();
        let key = key.filter(|key| is_right && key.is_usable(now))?;
        self.note_use(&key.id, now);
        Some(key)
    }

    /// Whether no key was ever created. False if the file cannot be read.
    pub fn is_empty(&self) -> bool {
        self.look().keys.as_ref().is_some_and(HashMap::is_empty)
    }

    /// Writes the times of last use periodically, forever.
    pub async fn flush_loop(self) {
        loop {
            tokio::time::sleep(FLUSH_INTERVAL).await;
            let ring = self.clone();
            // A panic in it is reported by its thread.
            let _ = tokio::task::spawn_blocking(move || ring.flush()).await;
        }
    }

    /// Writes the times of last use. Errors are logged, and the next call tries again.
    pub fn flush(&self) {
        let times = {
            let mut used = locked(&self.inner.used);
            if !std::mem::take(&mut used.is_new) {
                return;
            }
            used.times.clone()
        };
        let path = self.inner.folder.join(USED_FILE);
        let written = serde_json::to_vec(&times)
            .map_err(Into::into)
            .and_then(|text| atomic_file::replace(&path, &text, Access::Private));
        if let Err(error) = written {
            tracing::warn!(%error, "the times of the last use of keys cannot be saved");
            locked(&self.inner.used).is_new = true;
        }
    }

    fn now(&self) -> u64 {
        (self.inner.clock)() / 1000
    }

    fn note_use(&self, id: &str, now: u64) {
        let mut used = locked(&self.inner.used);
        if used.times.get(id) != Some(&now) {
            used.times.insert(id.to_owned(), now);
            used.is_new = true;
        }
    }

    /// The keys of the file, at most [`LOOK_INTERVAL`] old. The file is small, so reading it is quick.
    fn look(&self) -> MutexGuard<'_, Loaded> {
        let mut loaded = locked(&self.inner.loaded);
        if loaded.looked.elapsed() >= LOOK_INTERVAL {
            loaded.looked = Instant::now();
            let stamp = self.inner.file.stamp();
            if stamp != loaded.stamp {
                loaded.stamp = stamp;
                loaded.keys = self
                    .inner
                    .file
                    .read()
                    .map(by_id)
                    .map_err(|error| tracing::error!(%error, "the key file cannot be read: no key is accepted"))
                    .ok();
            }
        }
        loaded
    }
}

/// The times of last use by id, in Unix seconds; they are up to [`FLUSH_INTERVAL`] old.
pub fn read_used(data_dir: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(data_dir.join(USED_FILE)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn by_id(keys: Vec<Key>) -> HashMap<String, Arc<Key>> {
    keys.into_iter()
        .map(|key| (key.id.clone(), Arc::new(key)))
        .collect()
}

/// Nothing panics while it holds one of these.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
