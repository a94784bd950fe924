//! The file of keys, which the command line changes while a server reads it.
//!
//! It is a file of its own and not a table of the database, because that belongs to the running
//! server alone: its folder is locked, and a command of another version must not touch its schema.
//! The file is small, is replaced as a whole (a reader sees the old one or the new one), is
//! readable to its owner only, and a server sees by its number and time that it was replaced. A
//! lock beside it puts changes in a row.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::keys::error::KeysError;
use crate::keys::key::{Key, NAME_CHARS_MAX, NewKey};
use crate::keys::token;
use crate::secret::Secret;

/// The file's name within the data folder.
pub const FILE: &str = "keys.json";
const LOCK: &str = "keys.lock";
/// Keys of one file, revoked ones included: it is read as a whole.
const KEYS_MAX: usize = 10_000;

/// Where the keys are.
#[derive(Debug, Clone)]
pub struct KeyFile {
    folder: PathBuf,
    path: PathBuf,
}

/// What tells one content of the file from the next.
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
    /// The file within this data folder, there or not.
    pub fn new(data_dir: &Path) -> KeyFile {
        KeyFile {
            folder: data_dir.to_owned(),
            path: data_dir.join(FILE),
        }
    }

    /// All keys, oldest first; none if there is no file.
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

    /// Makes a key, and gives its text out: the only time it is known. `now` is a Unix time in
    /// seconds.
    ///
    /// # Errors
    /// Its name is none, there are too many, or the file cannot be written.
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

    /// Ends a key for good and shows it; none if there is none of that id. One that was revoked
    /// keeps its time.
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
        // Until the end of this function, or of the process.
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

    /// On disk when it returns.
    fn write(&self, content: &Content) -> io::Result<()> {
        replace(
            &self.folder,
            &self.path,
            &serde_json::to_vec_pretty(content)?,
        )
    }

    fn failed(&self, error: io::Error) -> KeysError {
        KeysError::File {
            path: self.path.display().to_string(),
            error,
        }
    }
}

/// Puts a file in the place of another, readable to this user only: what was there or what is new,
/// never half of it.
pub(super) fn replace(folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    // Such a file is made with the rights 0600.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}
