//! What lies in the plugins folder, told apart without reading it.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Identifies the content of a file without reading it. Whatever can change without the size and
/// the time of modification changes one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// When the content or the permissions last changed; no program can set it.
    changed: (i64, i64),
    mode: u32,
    owner: (u32, u32),
    device: u64,
    inode: u64,
}

/// The stamps of a plugin. A change of its policy counts as a change of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamps {
    file: Stamp,
    policy: Option<Stamp>,
}

/// The files of the folder.
pub(crate) struct Listed {
    /// Every `.wasm` file by its stem; `None` if it is there and cannot be examined.
    pub(crate) files: HashMap<String, Option<(PathBuf, Stamps)>>,
    /// The device that the folder is on.
    pub(crate) device: u64,
}

/// Every `.wasm` file in the folder, by stem. Files whose names start with a dot are ignored,
/// because they are still being written.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn list(folder: &Path) -> io::Result<Listed> {
    let mut files = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_wasm = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        let Some(stem) = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|stem| is_wasm && !stem.starts_with('.'))
        else {
            continue;
        };
        let stem = stem.to_owned();
        let policy = path.with_file_name(format!("{stem}.toml"));
        let found = match (stamp(&path), stamp(&policy)) {
            // It was removed since the folder was listed, or is a link to nothing.
            (Ok(None), _) => continue,
            (Ok(Some(file)), Ok(policy)) => Some((path, Stamps { file, policy })),
            (Err(_), _) | (_, Err(_)) => None,
        };
        files.insert(stem, found);
    }
    let device = std::fs::metadata(folder)?.dev();
    Ok(Listed { files, device })
}

/// The stamp of a file; `None` if there is nothing of that name. Only that means that a file is
/// away: a server that does not answer, or a folder that may not be read, says nothing.
fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Stamp {
        size: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        device: metadata.dev(),
        inode: metadata.ino(),
    }))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use super::*;

    fn stamps(folder: &Path) -> Stamps {
        let mut listed = list(folder).unwrap();
        listed.files.remove("a").unwrap().unwrap().1
    }

    #[test]
    fn a_change_is_seen_without_the_size_and_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        let write = |content: &str| {
            std::fs::write(&path, content).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        };
        write("one");
        let first = stamps(folder.path());
        assert_eq!(first, stamps(folder.path()));
        write("two");
        let second = stamps(folder.path());
        assert_ne!(first, second);
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        let third = stamps(folder.path());
        assert_ne!(second, third);
        std::fs::write(folder.path().join("a.toml"), "").unwrap();
        assert_ne!(third, stamps(folder.path()));
    }

    #[test]
    fn only_what_is_not_found_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("nothing", at("dangling.wasm")).unwrap();
        // A link to itself cannot be examined, like a file of a server that does not answer.
        std::os::unix::fs::symlink("loop.wasm", at("loop.wasm")).unwrap();
        std::fs::write(at(".hidden.wasm"), "").unwrap();
        std::fs::write(at("other.txt"), "").unwrap();
        let listed = list(folder.path()).unwrap();
        assert_eq!(listed.files.keys().collect::<Vec<_>>(), ["loop"]);
        assert!(listed.files["loop"].is_none());
        assert!(list(&at("absent")).is_err());
    }
}
