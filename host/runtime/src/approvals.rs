//! Remembers which interfaces the last version of each plugin asked for, across restarts. An update
//! that asks for more needs the approval of the operator.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hayrick_services::atomic_file::{self, Access};
use hayrick_types::policy::Interface;
use serde::{Deserialize, Serialize};

use crate::error::RuntimeError;

/// The approval of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// SHA-256 of the file, in hex.
    pub digest: String,
    /// Names of interfaces.
    asked: Vec<String>,
}

impl Approval {
    /// Creates the approval of a version that serves.
    pub(crate) fn new(digest: &str, asked: &BTreeSet<Interface>) -> Approval {
        Approval {
            digest: digest.to_owned(),
            asked: asked
                .iter()
                .map(|interface| interface.as_str().to_owned())
                .collect(),
        }
    }

    /// The interfaces it asked for, without names that this host no longer knows.
    pub fn asked(&self) -> BTreeSet<Interface> {
        self.asked
            .iter()
            .filter_map(|name| Interface::parse(name))
            .collect()
    }
}

/// The file of approvals. It keeps removed plugins for as long as their state, so that they cannot
/// come back and ask for more.
pub(crate) struct Approvals {
    path: PathBuf,
    by_name: Mutex<BTreeMap<String, Approval>>,
}

/// Reads the file. A missing file is empty.
///
/// # Errors
/// The file cannot be read or parsed. Starting without it would approve anything.
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
    /// Opens the file.
    ///
    /// # Errors
    /// The same as [`read_approvals`].
    pub(crate) fn open(path: &Path) -> Result<Approvals, RuntimeError> {
        Ok(Approvals {
            path: path.to_owned(),
            by_name: Mutex::new(read_approvals(path)?),
        })
    }

    /// What the last version of this plugin asked for; `None` if it never had one.
    pub(crate) fn asked(&self, name: &str) -> Option<BTreeSet<Interface>> {
        self.by_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(Approval::asked)
    }

    /// Saves what the version that serves now asks for. Returns whether it differs from the last
    /// version. Does I/O.
    ///
    /// # Errors
    /// It could not be written to disk. In memory it applies anyway.
    pub(crate) fn save(&self, name: &str, approval: Approval) -> std::io::Result<bool> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.get(name) == Some(&approval) {
            return Ok(false);
        }
        by_name.insert(name.to_owned(), approval);
        self.write(&by_name).map(|()| true)
    }

    /// The names of all plugins that have an approval.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.keys().cloned().collect()
    }

    /// Drops the approvals of these plugins. Does I/O.
    ///
    /// # Errors
    /// It could not be written to disk. In memory it applies anyway.
    pub(crate) fn forget(&self, names: &BTreeSet<String>) -> std::io::Result<()> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let before = by_name.len();
        by_name.retain(|name, _| !names.contains(name));
        if by_name.len() == before {
            return Ok(());
        }
        self.write(&by_name)
    }

    /// Writes under the lock, so that older content never replaces newer content.
    fn write(&self, by_name: &BTreeMap<String, Approval>) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(by_name)?;
        atomic_file::replace(&self.path, &text, Access::Inherited)
    }
}
