//! The keys of a running server: what the file has now, looked up by id.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hayrick_types::clock::Clock;

use crate::keys::error::KeysError;
use crate::keys::file::{KeyFile, Stamp, replace};
use crate::keys::key::Key;
use crate::keys::token;

/// Between two looks at the file; a look is one question to the kernel. A revoked key is dead after
/// this.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Between two writes of when keys were last used.
const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
/// When keys were last used: of the server, so that it never writes the file of the keys.
const USED_FILE: &str = "keys-used.json";
/// A digest that no secret has, compared with when there is no such key, so that this takes as
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
    /// None when the file cannot be read: then no key opens anything, and it does not count as a
    /// server without keys.
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
    /// There is a file, and it cannot be read.
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

    /// The key of this text, if it opens anything now. Takes as long whatever is wrong with it.
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

    /// Whether there never was a key. A file that cannot be read is not that.
    pub fn is_empty(&self) -> bool {
        self.look().keys.as_ref().is_some_and(HashMap::is_empty)
    }

    /// Writes from time to time when keys were last used, for as long as it is awaited.
    pub async fn flush_loop(self) {
        loop {
            tokio::time::sleep(FLUSH_INTERVAL).await;
            let ring = self.clone();
            // A panic in it is reported by its thread.
            let _ = tokio::task::spawn_blocking(move || ring.flush()).await;
        }
    }

    /// Writes when keys were last used. What cannot be written is tried again; it is a hint, and no
    /// reason to stop.
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
            .and_then(|text| replace(&self.inner.folder, &path, &text));
        if let Err(error) = written {
            tracing::warn!(%error, "when keys were last used cannot be written down");
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

    /// The keys as the file has them, or had them a moment ago. The file is small, so that reading
    /// it holds nobody up.
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
                    .map_err(|error| tracing::error!(%error, "no key is accepted"))
                    .ok();
            }
        }
        loaded
    }
}

/// When keys were last used, by id, in Unix seconds; what a server has noted up to some seconds
/// ago.
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
