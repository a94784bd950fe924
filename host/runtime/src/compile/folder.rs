//! A folder that only this user can write to. It is held open, so that the folder that was checked
//! is the one that is used, even if its path changes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, renameat, statat,
    unlinkat,
};
use rustix::process::geteuid;

use crate::compile::error::CacheError;

/// The mode bits that let group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The mode bits that give group or others any access. Files in the folder must not have them.
pub(super) const PRIVATE: u32 = 0o077;

/// The folder.
pub(super) struct PrivateFolder(OwnedFd);

/// A file in it.
pub(super) struct CacheFile {
    pub(super) name: String,
    pub(super) size: u64,
    /// When it was last written or used.
    pub(super) used: SystemTime,
}

impl PrivateFolder {
    /// Opens the folder. The path may be a link: only the folder itself is checked.
    ///
    /// # Errors
    /// It is not a folder, belongs to another user, or others may write to it.
    pub(super) fn open(path: &Path) -> Result<PrivateFolder, CacheError> {
        let failed = |error: rustix::io::Errno| CacheError::Folder {
            path: path.to_owned(),
            source: error.into(),
        };
        let folder = open(
            path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(failed)?;
        let found = fstat(&folder).map_err(failed)?;
        let (owner, user, mode) = (found.st_uid, geteuid().as_raw(), mode(&found));
        if owner != user {
            return Err(CacheError::FolderOwner {
                path: path.to_owned(),
                owner,
                user,
            });
        }
        if mode & WRITABLE_BY_OTHERS != 0 {
            return Err(CacheError::FolderMode {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(PrivateFolder(folder))
    }

    /// Reads a whole file and marks it as used now. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// It cannot be read, is not a regular file, is not private to this user, or has more than
    /// `max` bytes.
    pub(super) fn read(&self, name: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
        // If the file was replaced by a link or a pipe, do not follow or wait for it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            opened => File::from(opened?),
        };
        let found = fstat(&file)?;
        if !is_private_file(&found) {
            return Err(io::Error::other(
                "it is not a regular file that is private to this user",
            ));
        }
        let mut bytes = Vec::with_capacity(
            usize::try_from(file.metadata()?.len().min(max)).unwrap_or_default(),
        );
        (&file)
            .take(max.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max {
            return Err(io::Error::other("it is too large"));
        }
        // If this fails, the file is only removed from the cache earlier.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(bytes))
    }

    /// Writes a file completely or not at all: first under the unique name `temp_name`, then
    /// renamed. Unlike [`hayrick_services::atomic_file`], it does not sync: a file that a crash
    /// truncated has a broken seal.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(super) fn write(&self, name: &str, temp_name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.0, temp_name, flags, Mode::RUSR | Mode::WUSR)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        written
            .and_then(|()| Ok(renameat(&self.0, temp_name, &self.0, name)?))
            .inspect_err(|_| {
                // If this fails, a later trim removes the file.
                let _ = self.remove(temp_name);
            })
    }

    /// Removes a file.
    ///
    /// # Errors
    /// It does not exist, or cannot be removed.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Lists the regular files in the folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn list(&self) -> io::Result<Vec<CacheFile>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            // The file may have been removed in the meantime.
            let Ok(found) = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
                let since = std::time::Duration::from_secs(
                    u64::try_from(found.st_mtime).unwrap_or_default(),
                );
                let since = since + std::time::Duration::from_nanos(found.st_mtime_nsec);
                entries.push(CacheFile {
                    name: name.to_owned(),
                    size: u64::try_from(found.st_size).unwrap_or_default(),
                    used: SystemTime::UNIX_EPOCH + since,
                });
            }
        }
        Ok(entries)
    }
}

/// Opens a file, without following a link or waiting for a pipe. Returns `None` if it does not
/// exist.
pub(super) fn open_file(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => Ok(None),
        opened => Ok(Some(File::from(opened?))),
    }
}

/// Whether it is a regular file that only this user may read or write.
pub(super) fn is_private_file(found: &Stat) -> bool {
    let is_regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    is_regular && found.st_uid == geteuid().as_raw() && mode(found) & PRIVATE == 0
}

/// The permission bits, without the file type.
pub(super) fn mode(found: &Stat) -> u32 {
    found.st_mode & 0o7777
}
