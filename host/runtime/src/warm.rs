//! Instances of plugins of the class `warm`, between two runs. One run at a time has an instance; a
//! run that fails, takes too long or is cancelled takes its instance with it.

use std::sync::{Arc, Mutex, PoisonError};

use hayrick_capabilities::guest_state::GuestState;
use hayrick_types::policy::InstanceClass;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;
use wasmtime::component::Instance;

/// Idle instances of all plugins together: each has a place in the pool, beside those of runs.
pub(crate) const IDLE_MAX: usize = 256;
/// Idle instances of one plugin: enough for the runs that come while others end.
const PLUGIN_IDLE_MAX: usize = 16;

/// A store, with the instance in it once there is one.
pub(crate) struct PooledStore {
    pub(crate) store: Store<GuestState>,
    /// `None` before its first run: then `setup` is still to come.
    pub(crate) instance: Option<Instance>,
    runs: u32,
}

impl PooledStore {
    /// A store without an instance.
    pub(crate) fn fresh(store: Store<GuestState>) -> PooledStore {
        PooledStore {
            store,
            instance: None,
            runs: 0,
        }
    }
}

/// The idle instances of one version: they go with it.
pub(crate) struct WarmPool {
    runs_max: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<(PooledStore, OwnedSemaphorePermit)>>,
}

impl WarmPool {
    /// The pool of a version of this class, if it has one. `places` are those of the host.
    pub(crate) fn new(class: InstanceClass, places: &Arc<Semaphore>) -> Option<WarmPool> {
        match class {
            InstanceClass::Isolated => None,
            InstanceClass::Warm { runs_max } => Some(WarmPool {
                runs_max,
                places: Arc::clone(places),
                idle: Mutex::default(),
            }),
        }
    }

    /// The instance that was used last, if one is idle.
    pub(crate) fn take(&self) -> Option<PooledStore> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .map(|(pooled, _)| pooled)
    }

    /// Keeps an instance after a run that ended well, unless it is worn out, holds what it should
    /// have dropped, or there are enough.
    pub(crate) fn give_back(&self, mut pooled: PooledStore) {
        pooled.runs = pooled.runs.saturating_add(1);
        if pooled.runs >= self.runs_max || !pooled.store.data_mut().rest() {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < PLUGIN_IDLE_MAX {
            idle.push((pooled, place));
        }
    }
}
