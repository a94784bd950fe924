//! Replaces a file in one step. Readers see the old content or the new one, never a part of it, and
//! the new content survives a crash once the call returns.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// Who may read the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// This user only.
    Private,
    /// Those who may read the old file; without one, those whom the umask lets.
    Inherited,
}

/// Replaces `path`, or creates it. A symbolic link is replaced, not followed.
///
/// # Errors
/// The folder is missing, read-only or full. The old file is untouched then.
pub fn replace(path: &Path, content: &[u8], access: Access) -> io::Result<()> {
    let mut file = create_beside(path, access)?;
    file.write_all(content)?;
    persist(file, path)
}

/// Gives a temporary file of the same folder its final name. On an error the temporary file is
/// removed.
///
/// # Errors
/// The file cannot be synced or renamed; or it has its new name, but the folder cannot be synced.
pub fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder_of(path)?)
}

/// Puts the names of a folder's files on disk.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn create_beside(path: &Path, access: Access) -> io::Result<NamedTempFile> {
    let old = match std::fs::metadata(path) {
        _ if access == Access::Private => None,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        found => Some(found?.permissions()),
    };
    let is_new = access == Access::Inherited && old.is_none();
    let mode = if is_new { 0o666 } else { 0o600 };
    let file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder_of(path)?)?;
    if let Some(permissions) = old {
        // Afterwards, because the umask does not apply to them.
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

fn folder_of(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(folder) => Ok(folder),
        None => Err(ErrorKind::InvalidFilename.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_file_is_created_then_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        for content in ["first", "the second is longer", ""] {
            replace(&path, content.as_bytes(), Access::Private).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names(folder.path()), ["keys.json"]);
    }

    #[test]
    fn a_private_file_is_private_whatever_it_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        replace(&path, b"new", Access::Private).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn permissions_are_inherited_from_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.toml");
        replace(&path, b"new", Access::Inherited).unwrap();
        std::fs::write(folder.path().join("plain"), "").unwrap();
        assert_eq!(mode(&path), mode(&folder.path().join("plain")));
        for permissions in [0o640, 0o666, 0o400] {
            std::fs::set_permissions(&path, Permissions::from_mode(permissions)).unwrap();
            replace(&path, b"newer", Access::Inherited).unwrap();
            assert_eq!(mode(&path), permissions);
        }
    }

    #[test]
    fn a_link_is_replaced_and_its_target_is_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, b"new", Access::Private).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "old");
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "new");
    }

    #[test]
    fn a_failure_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        // A file cannot take the name of a folder.
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"new", Access::Private).is_err());
        assert_eq!(names(folder.path()), ["taken"]);
        let missing = folder.path().join("missing").join("file");
        let error = replace(&missing, b"new", Access::Inherited).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
