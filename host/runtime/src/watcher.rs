//! Watches the plugins folder for files and policies that are added, changed or removed.
//!
//! A change notification only triggers a scan of the folder. If a notification is missed (network
//! folders send none), the change is found within a second by the next scan. A file is deployed
//! once nothing about it has changed for a moment, so that copying has finished. It is undeployed
//! once it has been away for a while, so that the old version serves until the new one does,
//! whatever program replaces the file. What failed for a passing reason is tried again.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::folder::{Listed, Stamps, list};
use crate::registry::Registry;

/// How long the stamps of a file must be stable.
const SETTLE: Duration = Duration::from_millis(120);
/// How long a file must be away before it is undeployed: many programs remove a file before they
/// write the new one.
const GONE: Duration = Duration::from_secs(2);
/// How often the folder is scanned without a notification.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);
/// The first and the longest wait before a file is tried again that failed for a passing reason.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// One file of the folder.
struct Seen {
    stamps: Stamps,
    since: Instant,
    /// Whether the file with these stamps has been handed to the registry.
    is_taken: bool,
    /// Since when the file is not found.
    gone: Option<Instant>,
    /// How often these stamps failed for a passing reason.
    retries: u32,
    path: PathBuf,
}

impl Seen {
    fn new(path: PathBuf, stamps: Stamps) -> Seen {
        Seen {
            stamps,
            since: Instant::now(),
            is_taken: false,
            gone: None,
            retries: 0,
            path,
        }
    }

    fn is_settled(&self) -> bool {
        let wait = match self.retries {
            0 => SETTLE,
            retries => RETRY
                .0
                .saturating_mul(1 << (retries - 1).min(6))
                .min(RETRY.1),
        };
        !self.is_taken && self.gone.is_none() && self.since.elapsed() >= wait
    }
}

/// Watches the folder.
pub(crate) struct FolderWatcher {
    folder: PathBuf,
    registry: Arc<Registry>,
    files: HashMap<String, Seen>,
    /// Each returns whether the file may do better by itself.
    loads: JoinSet<(String, bool)>,
    /// Files that are being loaded. Each is loaded only once at a time, so that the newest content
    /// wins.
    loading: Vec<String>,
    changed: Arc<Notify>,
    ready: watch::Sender<bool>,
    /// The folder could not be read at the last scan.
    is_unreadable: bool,
    /// The device of the folder when it last had files.
    device: Option<u64>,
    _notifications: Option<RecommendedWatcher>,
}

impl FolderWatcher {
    /// Watches `folder`. `ready` becomes true once every file in it has been deployed or refused.
    /// What lies there now is known when this returns, though it does not serve yet.
    pub(crate) fn new(
        folder: &Path,
        registry: Arc<Registry>,
        ready: watch::Sender<bool>,
    ) -> FolderWatcher {
        let changed = Arc::new(Notify::new());
        let notifications = notifications(folder, &changed).inspect_err(|error| {
            tracing::warn!(
                folder = %folder.display(),
                "the plugins folder is scanned every second, because it cannot be watched: {error}"
            );
        });
        let mut watcher = FolderWatcher {
            folder: folder.to_owned(),
            registry,
            files: HashMap::new(),
            loads: JoinSet::new(),
            loading: Vec::new(),
            changed,
            ready,
            is_unreadable: false,
            device: None,
            _notifications: notifications.ok(),
        };
        watcher.scan();
        watcher
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
    /// network failure or a mount that is gone does not undeploy plugins.
    fn scan(&mut self) {
        let listed = list(&self.folder).and_then(|listed| self.check_device(listed));
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                if !std::mem::replace(&mut self.is_unreadable, true) {
                    tracing::error!(
                        folder = %self.folder.display(),
                        "cannot read the plugins folder, so nothing in it changes: {error}"
                    );
                }
                return;
            }
        };
        self.is_unreadable = false;
        self.notice_gone(&listed);
        for (stem, found) in listed.files {
            // What cannot be examined stays as it is.
            let Some((path, stamps)) = found else {
                continue;
            };
            match self.files.get_mut(&stem) {
                Some(seen) if seen.stamps == stamps => seen.gone = None,
                Some(seen) => *seen = Seen::new(path, stamps),
                None => {
                    self.registry.announce(&stem);
                    self.files.insert(stem, Seen::new(path, stamps));
                }
            }
        }
    }

    /// A folder of another device without files is a mount point whose mount is gone.
    fn check_device(&mut self, listed: Listed) -> io::Result<Listed> {
        let is_other = self.device.is_some_and(|device| device != listed.device);
        if is_other && listed.files.is_empty() {
            return Err(io::Error::other("its mount is gone"));
        }
        if !listed.files.is_empty() {
            self.device = Some(listed.device);
        }
        Ok(listed)
    }

    /// Undeploys what has been away for long enough.
    fn notice_gone(&mut self, listed: &Listed) {
        let now = Instant::now();
        for (stem, seen) in &mut self.files {
            if !listed.files.contains_key(stem) {
                seen.gone.get_or_insert(now);
            }
        }
        let is_over = |seen: &Seen| seen.gone.is_some_and(|since| since.elapsed() >= GONE);
        let gone: Vec<String> = self
            .files
            .iter()
            .filter(|(_, seen)| is_over(seen))
            .map(|(stem, _)| stem.clone())
            .collect();
        for stem in gone {
            self.files.remove(&stem);
            self.undeploy(&stem);
        }
    }

    /// Starts a load for every file that has settled.
    fn take_settled(&mut self) {
        let loading = &self.loading;
        let settled: Vec<(&String, &mut Seen)> = self
            .files
            .iter_mut()
            .filter(|(stem, seen)| seen.is_settled() && !loading.contains(stem))
            .collect();
        let mut started = Vec::new();
        for (stem, seen) in settled {
            seen.is_taken = true;
            let (registry, stem, path) =
                (Arc::clone(&self.registry), stem.clone(), seen.path.clone());
            started.push(stem.clone());
            self.loads.spawn(async move {
                let may_pass = registry.deploy(&stem, &path).await;
                (stem, may_pass)
            });
        }
        self.loading.extend(started);
    }

    fn loaded(&mut self, loaded: Result<(String, bool), tokio::task::JoinError>) {
        match loaded {
            Ok((stem, may_pass)) => {
                self.loading.retain(|other| *other != stem);
                match self.files.get_mut(&stem) {
                    Some(seen) if may_pass => {
                        seen.retries = seen.retries.saturating_add(1);
                        (seen.is_taken, seen.since) = (false, Instant::now());
                    }
                    Some(_) => {}
                    // The file was removed while it was being loaded.
                    None => self.undeploy(&stem),
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
        let is_done = |seen: &Seen| seen.is_taken || seen.gone.is_some() || seen.retries > 0;
        self.loading.is_empty() && self.files.values().all(is_done)
    }

    fn pause(&self) -> Duration {
        let settling = self.files.iter().any(|(stem, seen)| {
            let is_waiting = !seen.is_taken && seen.retries == 0;
            (is_waiting || seen.gone.is_some()) && !self.loading.contains(stem)
        });
        if settling { SETTLE / 2 } else { SCAN_INTERVAL }
    }
}

/// Notifications of changes in the folder, if the system has any left.
fn notifications(folder: &Path, changed: &Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let wake = Arc::clone(changed);
    let on_event = move |event: notify::Result<Event>| {
        // Treat an error like a change, because an event may have been lost.
        if event.is_ok_and(|event| !is_change(&event.kind)) {
            return;
        }
        wake.notify_one();
    };
    let mut watcher = notify::recommended_watcher(on_event)?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Whether a notification reports a change and not only a read. Otherwise every scan, which reads
/// the folder, would trigger the next one.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(access) => matches!(access, AccessKind::Close(AccessMode::Write)),
        _ => true,
    }
}
