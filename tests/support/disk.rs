//! A disk of a few megabytes, so that a test can fill it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file that fills the disk.
const BALLAST: &str = "ballast";

/// A file system in memory, mounted at a folder until this is dropped.
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts it; `None` if this user may not mount.
    pub fn mount(path: &Path, bytes: u64) -> Option<SmallDisk> {
        let mut command = Command::new("mount");
        command
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={bytes},mode=700"),
                "tmpfs",
            ])
            .arg(path);
        let mounted = command
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| SmallDisk {
            path: path.to_owned(),
        })
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes until the disk is full.
    pub fn fill(&self) {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.path.join(BALLAST))
            .unwrap();
        let full = loop {
            if let Err(error) = std::io::Write::write_all(&mut file, &[0; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }

    /// Writes this many bytes, which `clear` removes.
    pub fn load(&self, bytes: usize) {
        std::fs::write(self.path.join(BALLAST), vec![0; bytes]).unwrap();
    }

    /// Removes what `load` and `fill` wrote.
    pub fn clear(&self) {
        std::fs::remove_file(self.path.join(BALLAST)).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a host that is being killed may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
