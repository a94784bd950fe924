//! What each plugin's last version asked for, kept over restarts: an update that asks for more
//! needs the operator's word.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hayrick_services::atomic_file::{self, Access};
use hayrick_types::policy::Interface;
use serde::{Deserialize, Serialize};

use crate::error::RuntimeError;

/// What is kept of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// SHA-256 of the file, in hex.
    pub digest: String,
    /// Names of interfaces.
    asked: Vec<String>,
}

impl Approval {
    /// Of a version that serves.
    pub(crate) fn new(digest: &str, asked: &BTreeSet<Interface>) -> Approval {
        Approval {
            digest: digest.to_owned(),
            asked: asked
                .iter()
                .map(|interface| interface.as_str().to_owned())
                .collect(),
        }
    }

    /// What it asked for; a name this host no longer knows counts for nothing.
    pub fn asked(&self) -> BTreeSet<Interface> {
        self.asked
            .iter()
            .filter_map(|name| Interface::parse(name))
            .collect()
    }
}

/// The file of them. A plugin that is taken away stays in it: coming back, it may not ask for more
/// either.
pub(crate) struct Approvals {
    path: PathBuf,
    by_name: Mutex<BTreeMap<String, Approval>>,
}

/// Reads the file; one that is not there is empty.
///
/// # Errors
/// It cannot be read, or somebody else wrote it: starting without it would approve anything.
pub fn read_approvals(path: &Path) -> Result<BTreeMap<String, Approval>, RuntimeError> {
    let unreadable = |source| RuntimeError::Path {
        path: path.to_owned(),
        source,
    };
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(unreadable(error)),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| unreadable(error.into())),
    }
}

impl Approvals {
    /// Those of the file.
    ///
    /// # Errors
    /// As [`read_approvals`].
    pub(crate) fn open(path: &Path) -> Result<Approvals, RuntimeError> {
        Ok(Approvals {
            path: path.to_owned(),
            by_name: Mutex::new(read_approvals(path)?),
        })
    }

    /// What the last version of that name asked for; `None` if there never was one.
    pub(crate) fn asked(&self, name: &str) -> Option<BTreeSet<Interface>> {
        self.by_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(Approval::asked)
    }

    /// Keeps what the version that serves now asks for; whether it is another version than the last
    /// one. Does I/O.
    ///
    /// # Errors
    /// It is not on disk; in memory it counts all the same.
    pub(crate) fn keep(&self, name: &str, approval: Approval) -> std::io::Result<bool> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.get(name) == Some(&approval) {
            return Ok(false);
        }
        by_name.insert(name.to_owned(), approval);
        // Under the lock, so that an older content never replaces a newer one.
        let text = serde_json::to_vec_pretty(&*by_name)?;
        atomic_file::replace(&self.path, &text, Access::Inherited).map(|()| true)
    }
}
