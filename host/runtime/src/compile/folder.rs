//! A folder that nobody else can write to, held open: what was checked is what is used, whatever
//! its path comes to mean.

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

/// Group and others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// A file of this folder is this user's alone.
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
    /// Opens the folder. A link that leads to it is the operator's own; what counts is what is
    /// there.
    ///
    /// # Errors
    /// It is none, belongs to another user, or others may write to it.
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
            return Err(CacheError::ForeignFolder {
                path: path.to_owned(),
                owner,
                user,
            });
        }
        if mode & WRITABLE_BY_OTHERS != 0 {
            return Err(CacheError::OpenFolder {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(PrivateFolder(folder))
    }

    /// All of a file, read once, and marked as used now; none if there is no such file.
    ///
    /// # Errors
    /// It cannot be read, is no plain file of this user alone, or has more than `max` bytes.
    pub(super) fn read(&self, name: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
        // Neither a link nor a pipe in its place may be followed or waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            opened => File::from(opened?),
        };
        let found = fstat(&file)?;
        if !is_own_file(&found) {
            return Err(io::Error::other("it is no plain file of this user alone"));
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
        // A time that is not kept makes the file go earlier, no more.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(bytes))
    }

    /// Writes a file whole, or not at all: under `aside` first, which nobody else uses. It is not
    /// synced as [`hayrick_services::atomic_file`] does: the seal of what a crash cut is broken.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(super) fn write(&self, name: &str, aside: &str, parts: &[&[u8]]) -> io::Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.0, aside, flags, Mode::RUSR | Mode::WUSR)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        written
            .and_then(|()| Ok(renameat(&self.0, aside, &self.0, name)?))
            .inspect_err(|_| {
                // What is left of it goes with the next trim.
                let _ = self.remove(aside);
            })
    }

    /// Removes a file.
    ///
    /// # Errors
    /// It is not there, or cannot be removed.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Its plain files.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn list(&self) -> io::Result<Vec<CacheFile>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            // One that is gone meanwhile is not in the folder.
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

/// Opens a file that may be absent, following no link and waiting for no pipe.
pub(super) fn open_file(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => Ok(None),
        opened => Ok(Some(File::from(opened?))),
    }
}

/// Whether it is a plain file that nobody but this user may read or write.
pub(super) fn is_own_file(found: &Stat) -> bool {
    let is_plain = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    is_plain && found.st_uid == geteuid().as_raw() && mode(found) & PRIVATE == 0
}

/// Who may do what, without the kind of file.
pub(super) fn mode(found: &Stat) -> u32 {
    found.st_mode & 0o7777
}
