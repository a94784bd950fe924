//! The data folder: private to this user, and locked by one server at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

/// How long a process that was killed may take to return its address space and then its lock.
const ENDING_MAX: Duration = Duration::from_secs(2);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock on the folder. The kernel releases it when the process ends, however it ends.
pub struct DataDir {
    _lock: File,
}

impl DataDir {
    /// Creates the folder if it does not exist, readable only by this user, and locks it. Waits a
    /// little for another server, which may be ending.
    ///
    /// # Errors
    /// It cannot be created or written, or another server has locked it.
    pub async fn lock(path: &Path) -> anyhow::Result<DataDir> {
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
        let deadline = Instant::now() + ENDING_MAX;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(DataDir { _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => bail!(
                    "another Hayrick uses the data folder {shown}: stop it, or name another with \
                     --data-dir"
                ),
                Err(TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(|| format!("cannot lock the data folder {shown}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn the_folder_is_private_and_locked_by_one_process() {
        let path = std::env::temp_dir().join(format!("hayrick-data-dir-{}", std::process::id()));
        let held = DataDir::lock(&path).await.unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let refused = DataDir::lock(&path).await.err().unwrap().to_string();
        assert!(
            refused.contains("another Hayrick uses the data folder"),
            "{refused}"
        );
        let release = async {
            sleep(PAUSE).await;
            drop(held);
        };
        let (waited, ()) = tokio::join!(DataDir::lock(&path), release);
        assert!(waited.is_ok(), "it waits for one that is ending");
        std::fs::remove_dir_all(&path).unwrap();
    }
}
