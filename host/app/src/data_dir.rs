//! The data folder: private to this user, and locked by one server at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, bail};

/// The lock on the folder. The kernel releases it when the process ends, however it ends.
pub struct DataDir {
    _lock: File,
}

impl DataDir {
    /// Creates the folder if it does not exist, readable only by this user, and locks it.
    ///
    /// # Errors
    /// It cannot be created or written, or another server has locked it.
    pub fn lock(path: &Path) -> anyhow::Result<DataDir> {
        let shown = path.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot create the data folder {shown}"))?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"));
        let lock = file.with_context(|| format!("cannot write to the data folder {shown}"))?;
        match lock.try_lock() {
            Ok(()) => Ok(DataDir { _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another Hayrick uses the data folder {shown}: stop it, or name another with \
                     --data-dir"
                )
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock the data folder {shown}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_private_and_locked_by_one_process() {
        let path = std::env::temp_dir().join(format!("hayrick-data-dir-{}", std::process::id()));
        let held = DataDir::lock(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let refused = DataDir::lock(&path).err().unwrap().to_string();
        assert!(
            refused.contains("another Hayrick uses the data folder"),
            "{refused}"
        );
        drop(held);
        assert!(DataDir::lock(&path).is_ok());
        std::fs::remove_dir_all(&path).unwrap();
    }
}
