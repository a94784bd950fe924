//! Deploys over HTTP. The component arrives in a temporary file, which gets its final name only
//! after the component has passed every check.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hayrick_services::atomic_file;
use hayrick_types::id::PipelineName;
use hayrick_types::pipeline::PipelineStatus;
use hayrick_types::policy::Policy;
use tempfile::NamedTempFile;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::DeployError;
use crate::loader::read;
use crate::registry::Registry;

/// Deploys over HTTP at a time, from the first byte to the response. Each holds a component in
/// memory.
const DEPLOYS_MAX: usize = 8;
/// Of them those of one client, so that places are left for others.
const CLIENT_DEPLOYS_MAX: usize = 6;
/// Of them those of one name.
const NAME_DEPLOYS_MAX: usize = 2;
/// Prefix and suffix of the name of a temporary file. The watcher ignores names that start with a
/// dot.
const TEMP_NAME: (&str, &str) = (".deploy-", ".part");
/// A temporary file older than this was left by a host that died.
const ARRIVING_MAX: Duration = Duration::from_secs(3600);

/// Writes to the plugins folder on behalf of clients.
pub(crate) struct Deploys {
    folder: PathBuf,
    registry: Arc<Registry>,
    places: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// How many deploys each name and each client has.
#[derive(Default)]
struct Shares(Mutex<HashMap<String, usize>>);

/// A deploy that counts for its name and for its client until this is dropped.
struct Share {
    shares: Arc<Shares>,
    key: String,
}

impl Shares {
    /// One more deploy of `key`, unless it has `max`.
    fn enter(self: &Arc<Self>, key: String, max: usize) -> Result<Share, DeployError> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_default();
        if *count >= max {
            return Err(DeployError::Busy { max });
        }
        *count += 1;
        Ok(Share {
            shares: Arc::clone(self),
            key,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

/// A component that is arriving. Dropping it removes the temporary file.
pub struct Arriving {
    name: PipelineName,
    file: NamedTempFile,
    size: u64,
    policy: Arc<Policy>,
    _place: (OwnedSemaphorePermit, [Share; 2]),
}

impl Arriving {
    /// Appends the next bytes.
    ///
    /// # Errors
    /// The component is too large, or the disk is full.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), DeployError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        let max = self.policy.limits.component_bytes_max;
        if self.size > max {
            return Err(DeployError::TooLarge {
                size: self.size,
                max,
            });
        }
        let mut file = self
            .file
            .as_file()
            .try_clone()
            .map_err(DeployError::Store)?;
        blocking(move || file.write_all(&bytes)).await
    }
}

impl Deploys {
    /// Starts the service, and removes temporary files that dead hosts left.
    pub(crate) fn new(folder: &Path, registry: Arc<Registry>) -> Deploys {
        remove_left(folder);
        Deploys {
            folder: folder.to_owned(),
            registry,
            places: Arc::new(Semaphore::new(DEPLOYS_MAX)),
            shares: Arc::default(),
        }
    }

    /// Takes a place and creates a temporary file.
    ///
    /// # Errors
    /// The name is not a valid pipeline name, too many deploys are running, or the folder cannot be
    /// written to.
    pub(crate) async fn begin(&self, name: &str, client: &str) -> Result<Arriving, DeployError> {
        let name = PipelineName::parse(name)?;
        self.registry.check_case(&name)?;
        let policy = self.registry.policy(&name).await?;
        let shares = [
            self.shares
                .enter(format!("name {name}"), NAME_DEPLOYS_MAX)?,
            self.shares
                .enter(format!("client {client}"), CLIENT_DEPLOYS_MAX)?,
        ];
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| DeployError::Busy { max: DEPLOYS_MAX })?;
        let place = (place, shares);
        let folder = self.folder.clone();
        let file = blocking(move || {
            tempfile::Builder::new()
                .prefix(TEMP_NAME.0)
                .suffix(TEMP_NAME.1)
                .tempfile_in(folder)
        })
        .await?;
        Ok(Arriving {
            name,
            file,
            size: 0,
            policy,
            _place: place,
        })
    }

    /// Checks the component, gives the file its final name, and lets it serve. Once this returns,
    /// the deploy survives a crash.
    ///
    /// # Errors
    /// The component is refused; nothing has changed.
    pub(crate) async fn finish(&self, arrived: Arriving) -> Result<PipelineStatus, DeployError> {
        let Arriving {
            name,
            file,
            policy,
            _place,
            ..
        } = arrived;
        let limits = policy.limits.clone();
        let (bytes, file) = blocking(move || Ok((read(file.path(), &limits), file))).await?;
        let path = self.path(&name);
        let store = async move || {
            // This replaces a link of that name instead of writing through it.
            blocking(move || atomic_file::persist(file, &path)).await
        };
        self.registry.accept(name, bytes?, store).await
    }

    /// Removes a pipeline and its file. Returns false if neither exists.
    ///
    /// # Errors
    /// The name is not a valid pipeline name, or the folder cannot be written to.
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, DeployError> {
        let name = PipelineName::parse(name)?;
        let (folder, path) = (self.folder.clone(), self.path(&name));
        let remove = async move || {
            blocking(move || match std::fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                removed => removed
                    .and_then(|()| atomic_file::sync_folder(&folder))
                    .map(|()| true),
            })
            .await
        };
        self.registry.withdraw(&name, remove).await
    }

    fn path(&self, name: &PipelineName) -> PathBuf {
        self.folder.join(format!("{name}.wasm"))
    }
}

fn remove_left(folder: &Path) {
    let now = SystemTime::now();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_temporary = name
            .to_str()
            .is_some_and(|name| name.starts_with(TEMP_NAME.0) && name.ends_with(TEMP_NAME.1));
        let age = entry
            .metadata()
            .and_then(|found| found.modified())
            .map(|modified| now.duration_since(modified).unwrap_or_default());
        if is_temporary && age.is_ok_and(|age| age > ARRIVING_MAX) {
            // The next start tries again.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, DeployError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panicked| Err(panicked.into()))
        .map_err(DeployError::Store)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn only_old_temporary_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, age| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        file(".deploy-old.part", ARRIVING_MAX * 2);
        file(".deploy-new.part", Duration::ZERO);
        file("old.wasm", ARRIVING_MAX * 2);
        remove_left(folder.path());
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [".deploy-new.part", "old.wasm"]);
    }
}
