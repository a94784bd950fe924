//! The key file, which the command line changes while a server reads it.
//!
//! It is not a table of the database, because only the running server may open that: its folder is
//! locked, and a command of another version must not touch its schema. The file is small and private,
//! and is replaced atomically; a server notices the replacement by inode and time. A lock file
//! serialises changes.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic_file::{self, Access};
use crate::keys::error::KeysError;
use crate::keys::key::{Key, NAME_CHARS_MAX, NewKey};
use crate::keys::token;
use crate::secret::Secret;

/// The file's name within the data folder.
pub const FILE: &str = "keys.json";
const LOCK: &str = "keys.lock";
/// Keys in the file, revoked ones included: it is read as a whole.
const KEYS_MAX: usize = 10_000;

/// The key file of a data folder.
#[derive(Debug, Clone)]
pub struct KeyFile {
    folder: PathBuf,
    path: PathBuf,
}

/// Identifies one content of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    keys: Vec<Key>,
}

impl KeyFile {
    /// The file within this data folder, which need not exist.
    pub fn new(data_dir: &Path) -> KeyFile {
        KeyFile {
            folder: data_dir.to_owned(),
            path: data_dir.join(FILE),
        }
    }

    /// All keys, oldest first; empty without a file.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn read(&self) -> Result<Vec<Key>, KeysError> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(|error| self.failed(error))?,
        };
        let content: Content = serde_json::from_str(&text).map_err(|error| KeysError::Damaged {
            path: self.path.display().to_string(),
            error,
        })?;
        Ok(content.keys)
    }

    /// Creates a key and returns its text, which is not stored. `now` is a Unix time in seconds.
    ///
    /// # Errors
    /// Its name is invalid, there are too many keys, or the file cannot be written.
    pub fn create(&self, new: NewKey, now: u64) -> Result<(Key, Secret), KeysError> {
        let length = new.name.chars().count();
        if length == 0 || length > NAME_CHARS_MAX || new.name.chars().any(char::is_control) {
            return Err(KeysError::Name);
        }
        let (id, secret) = token::fresh()?;
        let key = Key {
            digest: token::digest(&secret),
            name: new.name,
            scopes: new.scopes,
            pipelines: new.pipelines,
            rate: new.rate,
            burst: new.burst,
            concurrency_max: new.concurrency_max,
            expires_at: new.expires_at,
            created_at: now,
            revoked_at: None,
            id,
        };
        let text = Secret::new(token::write(&key.id, &secret));
        self.change(|keys| {
            if keys.len() >= KEYS_MAX {
                return Err(KeysError::TooMany(KEYS_MAX));
            }
            keys.push(key.clone());
            Ok(())
        })?;
        Ok((key, text))
    }

    /// Revokes a key for good and returns it; `None` if the id is unknown. A key that is revoked
    /// already keeps its time.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn revoke(&self, id: &str, now: u64) -> Result<Option<Key>, KeysError> {
        let mut revoked = None;
        self.change(|keys| {
            if let Some(key) = keys.iter_mut().find(|key| key.id == id) {
                key.revoked_at.get_or_insert(now);
                revoked = Some(key.clone());
            }
            Ok(())
        })?;
        Ok(revoked)
    }

    pub(super) fn stamp(&self) -> Option<Stamp> {
        let file = std::fs::metadata(&self.path).ok()?;
        Some(Stamp {
            inode: file.ino(),
            modified: (file.mtime(), file.mtime_nsec()),
            bytes: file.len(),
        })
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Key>) -> Result<(), KeysError>,
    ) -> Result<(), KeysError> {
        // Held until the end of this function.
        let _lock = self.lock().map_err(|error| self.failed(error))?;
        let mut keys = self.read()?;
        change(&mut keys)?;
        self.write(&Content { version: 1, keys })
            .map_err(|error| self.failed(error))
    }

    fn lock(&self) -> io::Result<File> {
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join(LOCK))?;
        lock.lock()?;
        Ok(lock)
    }

    /// Returns once the file is on disk.
    fn write(&self, content: &Content) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(content)?;
        atomic_file::replace(&self.path, &text, Access::Private)
    }

    fn failed(&self, error: io::Error) -> KeysError {
        KeysError::File {
            path: self.path.display().to_string(),
            error,
        }
    }
}
