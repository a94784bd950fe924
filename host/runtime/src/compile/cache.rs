//! Caches compiled code between starts, each file under a seal. Nothing in the folder is trusted: a
//! file whose seal is broken is removed.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hayrick_types::hex;

use crate::compile::artifact::Artifact;
use crate::compile::error::CacheError;
use crate::compile::folder::{CacheFile, PrivateFolder};
use crate::compile::key;
use crate::compile::seal::{HEADER_BYTES, Sealer, Subject};

/// Suffix of the name of a sealed file.
const SEALED: &str = ".sealed";
/// Suffix of the name of a file that is being written.
const TEMP: &str = ".new";
/// How long writing a file may take. An older temporary file was left by a dead process.
const WRITING_MAX: Duration = Duration::from_secs(600);

/// The cache.
pub(crate) struct SealedCache {
    folder: PrivateFolder,
    sealer: Sealer,
    artifact_bytes_max: u64,
    bytes_max: u64,
    temp_files: AtomicU64,
}

impl SealedCache {
    /// Opens the folder, which must exist, and the key, which is created if missing.
    ///
    /// # Errors
    /// One of them is not private to this user, or cannot be used.
    pub(crate) fn open(
        folder: &Path,
        key: &Path,
        artifact_bytes_max: u64,
        bytes_max: u64,
    ) -> Result<SealedCache, CacheError> {
        let folder = PrivateFolder::open(folder)?;
        let sealer = Sealer::new(&key::read_or_create(key)?);
        let cache = SealedCache {
            folder,
            sealer,
            artifact_bytes_max,
            bytes_max,
            temp_files: AtomicU64::new(0),
        };
        cache.trim();
        Ok(cache)
    }

    /// The cached code of this subject. If its seal is broken, the file is removed.
    pub(crate) fn get(&self, subject: &Subject) -> Option<Artifact> {
        let name = file_name(subject);
        let max = self.artifact_bytes_max.saturating_add(HEADER_BYTES as u64);
        let reason = match self.folder.read(&name, max) {
            Ok(None) => return None,
            Ok(Some(sealed)) => match self.sealer.open(subject, sealed) {
                Some(artifact) => return Some(artifact),
                None => "its seal is broken".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            file = name,
            "discarding cached code: {reason}; compiling it again"
        );
        self.forget(subject);
        None
    }

    /// Caches code. If that fails, it is compiled again at the next start.
    pub(crate) fn put(&self, subject: &Subject, artifact: &Artifact) {
        let name = file_name(subject);
        let temp_name = format!(
            "{name}.{}-{}{TEMP}",
            std::process::id(),
            self.temp_files.fetch_add(1, Ordering::Relaxed)
        );
        let header = self.sealer.header(subject, artifact);
        match self
            .folder
            .write(&name, &temp_name, &[&header, artifact.bytes()])
        {
            Ok(()) => self.trim(),
            Err(error) => tracing::warn!(
                "cannot cache compiled code: {error}; check the free space and the permissions of \
                 the data folder"
            ),
        }
    }

    /// Removes the cached code of this subject.
    pub(crate) fn forget(&self, subject: &Subject) {
        // If the file cannot be removed, it is refused again next time.
        let _ = self.folder.remove(&file_name(subject));
    }

    /// Removes the least recently used files until the rest is within the limit, and temporary
    /// files that dead processes left.
    fn trim(&self) {
        let entries = match self.folder.list() {
            Ok(entries) => entries,
            Err(error) => return tracing::warn!("cannot list the compile cache: {error}"),
        };
        let (mut sealed, others): (Vec<CacheFile>, Vec<CacheFile>) = entries
            .into_iter()
            .partition(|entry| entry.name.ends_with(SEALED));
        let now = SystemTime::now();
        let is_left = |entry: &&CacheFile| {
            entry.name.ends_with(TEMP)
                && now
                    .duration_since(entry.used)
                    .is_ok_and(|age| age > WRITING_MAX)
        };
        let mut doomed: Vec<String> = others
            .iter()
            .filter(is_left)
            .map(|entry| entry.name.clone())
            .collect();
        sealed.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        let mut kept = 0u64;
        for entry in sealed {
            kept = kept.saturating_add(entry.size);
            if kept > self.bytes_max {
                doomed.push(entry.name);
            }
        }
        for name in doomed {
            // Another host that uses the same folder may have removed it already.
            let _ = self.folder.remove(&name);
        }
    }
}

fn file_name(subject: &Subject) -> String {
    format!(
        "{}-{}{SEALED}",
        hex::encode(&subject.component),
        hex::encode(subject.engine.split_at(8).0)
    )
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn open(folder: &Path, bytes_max: u64) -> Result<SealedCache, CacheError> {
        let cache = folder.join("cache");
        let _ = std::fs::create_dir(&cache);
        SealedCache::open(&cache, &folder.join("cache.key"), 1 << 20, bytes_max)
    }

    fn subject(number: u8) -> Subject {
        Subject {
            component: [number; 32],
            engine: [0; 32],
        }
    }

    fn code(byte: u8) -> Artifact {
        Artifact::from_compiler(vec![byte; 1000])
    }

    #[test]
    fn cached_code_is_found_and_modified_code_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path(), 1 << 20).unwrap();
        cache.put(&subject(1), &code(1));
        assert_eq!(cache.get(&subject(1)).unwrap().bytes(), [1; 1000]);
        let path = folder.path().join("cache").join(file_name(&subject(1)));
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[HEADER_BYTES] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(cache.get(&subject(1)).is_none());
        assert!(!path.exists(), "a broken file stays");
    }

    #[test]
    fn links_pipes_files_of_others_and_huge_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path(), 1 << 20).unwrap();
        cache.put(&subject(1), &code(1));
        let (real, path) = (
            folder.path().join("real"),
            folder.path().join("cache").join(file_name(&subject(1))),
        );
        std::fs::rename(&path, &real).unwrap();
        symlink(&real, &path).unwrap();
        assert!(cache.get(&subject(1)).is_none(), "a link was followed");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        assert!(cache.get(&subject(1)).is_none(), "a pipe was read");
        std::fs::copy(&real, &path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o620)).unwrap();
        assert!(
            cache.get(&subject(1)).is_none(),
            "a file that others may write was read"
        );
        std::fs::write(&path, vec![0; 2 << 20]).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(cache.get(&subject(1)).is_none() && !path.exists());
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        for mode in [0o770, 0o707, 0o777, 0o1777] {
            std::fs::set_permissions(&cache, Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(open(folder.path(), 1), Err(CacheError::FolderMode { .. })),
                "{mode:o}"
            );
        }
        std::fs::remove_dir(&cache).unwrap();
        std::fs::write(&cache, "").unwrap();
        assert!(matches!(
            open(folder.path(), 1),
            Err(CacheError::Folder { .. })
        ));
    }

    #[test]
    fn the_least_recently_used_code_is_removed_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path(), 2500).unwrap();
        let age = |number: u8, seconds| {
            let path = folder
                .path()
                .join("cache")
                .join(file_name(&subject(number)));
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds))
                .unwrap();
        };
        cache.put(&subject(1), &code(1));
        cache.put(&subject(2), &code(2));
        age(1, 200);
        age(2, 100);
        assert!(cache.get(&subject(1)).is_some(), "using it keeps it");
        cache.put(&subject(3), &code(3));
        assert!(
            cache.get(&subject(1)).is_some()
                && cache.get(&subject(2)).is_none()
                && cache.get(&subject(3)).is_some()
        );
        // A temporary file that a dead process left.
        let left = folder.path().join("cache").join("x.sealed.1-0.new");
        std::fs::write(&left, "half").unwrap();
        std::fs::File::options()
            .write(true)
            .open(&left)
            .unwrap()
            .set_modified(SystemTime::now() - WRITING_MAX * 2)
            .unwrap();
        drop(open(folder.path(), 2500));
        assert!(!left.exists());
    }
}
