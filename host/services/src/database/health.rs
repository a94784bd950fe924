//! Whether the store can be relied on: its file is the one that was opened, the last commit was
//! written, and all that was read is what was written.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::database::error::{DatabaseError, StoreError};

/// What is known of the file.
#[derive(Debug)]
pub(super) struct Health {
    path: PathBuf,
    /// Device and inode of the file that was opened.
    identity: Option<(u64, u64)>,
    has_failed: AtomicBool,
    /// The first damage that was found. It stays until somebody restores the file.
    damage: Mutex<Option<DatabaseError>>,
}

impl Health {
    /// The file at `path` has just been opened.
    pub(super) fn new(path: &Path) -> Health {
        Health {
            path: path.to_owned(),
            identity: identity(path),
            has_failed: AtomicBool::new(false),
            damage: Mutex::default(),
        }
    }

    /// Whether the file is still there. What is written to a file without a name is lost when the
    /// process ends, and SQLite does not notice it.
    ///
    /// # Errors
    /// It was removed or replaced.
    pub(super) fn check_file(&self) -> Result<(), DatabaseError> {
        if identity(&self.path) == self.identity {
            Ok(())
        } else {
            Err(DatabaseError::Gone)
        }
    }

    /// The same, and whether the last commit succeeded and no damage was found.
    ///
    /// # Errors
    /// The store cannot be relied on.
    pub(super) fn check(&self) -> Result<(), DatabaseError> {
        self.check_file()?;
        if self.has_failed.load(Ordering::Relaxed) {
            return Err(DatabaseError::Failing);
        }
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.clone().map_or(Ok(()), Err)
    }

    /// Takes note of damage that an operation has found, and passes its outcome on.
    pub(super) fn note_damage<T, E: StoreError>(&self, outcome: Result<T, E>) -> Result<T, E> {
        if let Err(error) = &outcome
            && let Some(found @ DatabaseError::Damaged(_)) = error.of_store()
        {
            let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
            if damage.is_none() {
                tracing::error!("{found}");
                *damage = Some(found.clone());
            }
        }
        outcome
    }

    /// Takes note of a commit.
    pub(super) fn note(&self, committed: &Result<(), DatabaseError>) {
        let has_failed = committed.is_err();
        let had_failed = self.has_failed.swap(has_failed, Ordering::Relaxed);
        match committed {
            Err(error) if !had_failed => tracing::error!("the store cannot be written: {error}"),
            Ok(()) if had_failed => tracing::info!("the store can be written again"),
            _ => {}
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
