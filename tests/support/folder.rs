//! A temporary folder of a test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A folder that is removed when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty folder inside the build folder.
    pub fn fresh() -> Folder {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A folder inside it, created if necessary.
    pub fn subfolder(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Files that a dying process still has open remain until the next `cargo clean`.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
