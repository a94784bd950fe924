//! Keeps the instances of plugins of the class `warm` between runs. An instance serves one run at a
//! time. If a run fails, takes too long, is cancelled, or leaves a task or a host call behind, its
//! instance is dropped: what goes on would act in the name of the next run.

use std::sync::{Arc, Mutex, PoisonError};

use hayrick_capabilities::guest_state::GuestState;
use hayrick_types::policy::InstanceClass;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;
use wasmtime::component::Instance;

/// Idle instances of all plugins together. Each takes a place in the pool, in addition to those of
/// runs.
pub(crate) const IDLE_MAX: usize = 256;
/// Idle instances of one plugin: enough for runs that start while others end.
const PLUGIN_IDLE_MAX: usize = 16;

/// A store and the instance in it.
pub(crate) struct PooledStore {
    pub(crate) store: Store<GuestState>,
    /// `None` before the first run, when `setup` has not been called yet.
    pub(crate) instance: Option<Instance>,
    /// Whether the last run returned while tasks of the guest went on.
    pub(crate) has_tasks: bool,
    runs: u32,
}

impl PooledStore {
    /// Wraps a store without an instance.
    pub(crate) fn fresh(store: Store<GuestState>) -> PooledStore {
        PooledStore {
            store,
            instance: None,
            has_tasks: false,
            runs: 0,
        }
    }
}

/// The idle instances of one version, dropped with it.
pub(crate) struct WarmPool {
    runs_max: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<(PooledStore, OwnedSemaphorePermit)>>,
}

impl WarmPool {
    /// The pool of a version of this class, if the class has one. All pools share `places`.
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

    /// Takes the most recently used idle instance, if there is one.
    pub(crate) fn take(&self) -> Option<PooledStore> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .map(|(pooled, _)| pooled)
    }

    /// Keeps an instance after a successful run, unless it has reached its maximum number of runs,
    /// cannot be reused, or there are enough idle instances.
    pub(crate) fn give_back(&self, mut pooled: PooledStore) {
        pooled.runs = pooled.runs.saturating_add(1);
        let is_used_up = pooled.has_tasks || pooled.runs >= self.runs_max;
        if is_used_up || !pooled.store.data_mut().is_reusable() {
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
