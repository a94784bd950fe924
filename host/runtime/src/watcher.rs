//! Watches the plugins folder for files and policies that are added, changed or removed.
//!
//! A change notification only triggers a scan of the folder. If a notification is missed (network
//! folders send none), the change is found within a second by the next scan. A file is deployed
//! once its size and modification time have been stable for a moment, so that copying has finished.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::error::RuntimeError;
use crate::registry::Registry;

/// How long the size and modification time of a file must be stable.
const SETTLE: Duration = Duration::from_millis(120);
/// How often the folder is scanned without a notification.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);

/// Identifies the content of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// The stamps of a plugin. A change of its policy counts as a change of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamps {
    file: Stamp,
    policy: Option<Stamp>,
}

/// One file of the folder.
struct Seen {
    stamps: Stamps,
    since: Instant,
    /// Whether the file with these stamps has been handed to the registry.
    is_taken: bool,
    path: PathBuf,
}

/// Watches the folder.
pub(crate) struct FolderWatcher {
    folder: PathBuf,
    registry: Arc<Registry>,
    files: HashMap<String, Seen>,
    loads: JoinSet<String>,
    /// Files that are being loaded. Each is loaded only once at a time, so that the newest content
    /// wins.
    loading: Vec<String>,
    changed: Arc<Notify>,
    ready: watch::Sender<bool>,
    _notifications: RecommendedWatcher,
}

impl FolderWatcher {
    /// Watches `folder`. `ready` becomes true once every file in it has been deployed or refused.
    ///
    /// # Errors
    /// The folder cannot be watched.
    pub(crate) fn new(
        folder: &Path,
        registry: Arc<Registry>,
        ready: watch::Sender<bool>,
    ) -> Result<FolderWatcher, RuntimeError> {
        let failed = |source| RuntimeError::Watch {
            path: folder.to_owned(),
            source,
        };
        let changed = Arc::new(Notify::new());
        let wake = Arc::clone(&changed);
        let on_event = move |event: notify::Result<Event>| {
            // Treat an error like a change, because an event may have been lost.
            if event.is_ok_and(|event| !is_change(&event.kind)) {
                return;
            }
            wake.notify_one();
        };
        let mut notifications = notify::recommended_watcher(on_event).map_err(failed)?;
        notifications
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(failed)?;
        Ok(FolderWatcher {
            folder: folder.to_owned(),
            registry,
            files: HashMap::new(),
            loads: JoinSet::new(),
            loading: Vec::new(),
            changed,
            ready,
            _notifications: notifications,
        })
    }

    /// Watches the folder until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            self.scan();
            self.take_settled();
            if self.is_quiet() && !*self.ready.borrow() {
                // Fails only while the host is shutting down.
                let _ = self.ready.send(true);
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep(self.pause()) => {}
                Some(loaded) = self.loads.join_next() => self.loaded(loaded),
            }
        }
    }

    /// Compares the folder with the last scan. If it cannot be read, nothing changes, so that a
    /// network failure does not undeploy plugins.
    fn scan(&mut self) {
        let present = match list(&self.folder) {
            Ok(present) => present,
            Err(error) => {
                return tracing::error!(
                    folder = %self.folder.display(),
                    "cannot read the plugins folder: {error}"
                );
            }
        };
        let gone: Vec<String> = self
            .files
            .keys()
            .filter(|stem| !present.contains_key(*stem))
            .cloned()
            .collect();
        for stem in gone {
            self.files.remove(&stem);
            self.undeploy(&stem);
        }
        for (stem, (path, stamps)) in present {
            let unchanged = self
                .files
                .get(&stem)
                .is_some_and(|seen| seen.stamps == stamps);
            if !unchanged {
                self.files.insert(
                    stem,
                    Seen {
                        stamps,
                        since: Instant::now(),
                        is_taken: false,
                        path,
                    },
                );
            }
        }
    }

    /// Starts a load for every file that has settled.
    fn take_settled(&mut self) {
        let loading = &self.loading;
        let settled: Vec<(&String, &mut Seen)> = self
            .files
            .iter_mut()
            .filter(|(stem, seen)| {
                !seen.is_taken && seen.since.elapsed() >= SETTLE && !loading.contains(stem)
            })
            .collect();
        let mut started = Vec::new();
        for (stem, seen) in settled {
            seen.is_taken = true;
            let (registry, stem, path) =
                (Arc::clone(&self.registry), stem.clone(), seen.path.clone());
            started.push(stem.clone());
            self.loads.spawn(async move {
                registry.deploy(&stem, &path).await;
                stem
            });
        }
        self.loading.extend(started);
    }

    fn loaded(&mut self, loaded: Result<String, tokio::task::JoinError>) {
        match loaded {
            Ok(stem) => {
                self.loading.retain(|other| *other != stem);
                if !self.files.contains_key(&stem) {
                    // The file was removed while it was being loaded.
                    self.undeploy(&stem);
                }
            }
            Err(error) => tracing::error!("loading a plugin failed: {error}"),
        }
    }

    fn undeploy(&self, stem: &str) {
        self.registry
            .undeploy_gone(stem, &self.folder.join(format!("{stem}.wasm")));
    }

    fn is_quiet(&self) -> bool {
        self.loading.is_empty() && self.files.values().all(|seen| seen.is_taken)
    }

    fn pause(&self) -> Duration {
        let settling = self
            .files
            .iter()
            .any(|(stem, seen)| !seen.is_taken && !self.loading.contains(stem));
        if settling { SETTLE / 2 } else { SCAN_INTERVAL }
    }
}

/// Whether a notification reports a change and not only a read. Otherwise every scan, which reads
/// the folder, would trigger the next one.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(access) => matches!(access, AccessKind::Close(AccessMode::Write)),
        _ => true,
    }
}

/// Every `.wasm` file in the folder, by stem. Files whose names start with a dot are ignored,
/// because they are still being written.
fn list(folder: &Path) -> std::io::Result<HashMap<String, (PathBuf, Stamps)>> {
    let mut present = HashMap::new();
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
        // The file may have been removed since the folder was listed.
        if let Some(file) = stamp(&path) {
            let stamps = Stamps {
                file,
                policy: stamp(&path.with_file_name(format!("{stem}.toml"))),
            };
            present.insert(stem.to_owned(), (path.clone(), stamps));
        }
    }
    Ok(present)
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    Some(Stamp {
        size: metadata.len(),
        modified: metadata.modified().ok(),
        inode: metadata.ino(),
    })
}
