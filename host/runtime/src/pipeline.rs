//! One pipeline: the version that serves, the last refusal, and its runs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use hayrick_capabilities::plugin_share::PluginShare;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::{PipelineName, RunId};
use hayrick_types::pipeline::{PipelineState, PipelineStatus, Refusal};
use hayrick_types::settings::limits::Limits;
use tokio::sync::Semaphore;

use crate::admission::{Admission, Place, RunPlaces};
use crate::version::Version;

/// What a deploy changes.
#[derive(Default)]
struct Deployed {
    version: Option<Arc<Version>>,
    refusal: Option<Refusal>,
}

/// One pipeline.
pub(crate) struct Pipeline {
    name: PipelineName,
    shared_name: Arc<str>,
    share: Arc<PluginShare>,
    admission: RwLock<Arc<Admission>>,
    host: Arc<Semaphore>,
    // A std lock, because it is held only for a clone and never across an await.
    deployed: RwLock<Deployed>,
    versions: AtomicU64,
    active_runs: AtomicUsize,
}

/// A run in progress. It holds its place and is counted until it is dropped.
pub(crate) struct ActiveRun {
    pipeline: Arc<Pipeline>,
    /// `None` for a job: the worker limits those.
    _place: Option<Place>,
}

impl Drop for ActiveRun {
    fn drop(&mut self) {
        self.pipeline.active_runs.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ActiveRun {
    /// Counts a failure, and adds the id of the run to its message.
    pub(crate) fn failed(&self, failure: Failure, run: RunId) -> Failure {
        self.pipeline.share.metrics().fail();
        match failure.kind {
            // The other messages may come from the plugin, so they stay unchanged.
            FailureKind::Failed | FailureKind::Timeout => crate::trap::with_run(failure, run),
            _ => failure,
        }
    }
}

impl Pipeline {
    /// Creates a pipeline without a version.
    pub(crate) fn new(
        name: PipelineName,
        host: Arc<Semaphore>,
        share: Arc<PluginShare>,
    ) -> Pipeline {
        let places = RunPlaces::of(&Limits::default(), 0);
        let admission = Admission::new(places, Arc::clone(&host), Arc::clone(&share));
        Pipeline {
            shared_name: name.as_str().into(),
            name,
            share,
            admission: RwLock::new(Arc::new(admission)),
            host,
            deployed: RwLock::default(),
            versions: AtomicU64::new(0),
            active_runs: AtomicUsize::new(0),
        }
    }

    pub(crate) fn name(&self) -> &PipelineName {
        &self.name
    }

    /// The name in shared form.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.shared_name)
    }

    /// What all its runs share.
    pub(crate) fn share(&self) -> Arc<PluginShare> {
        Arc::clone(&self.share)
    }

    /// The version that serves now.
    pub(crate) fn version(&self) -> Option<Arc<Version>> {
        self.deployed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .version
            .clone()
    }

    /// The number of the next version.
    pub(crate) fn next_number(&self) -> u64 {
        self.versions.load(Ordering::Relaxed) + 1
    }

    /// Lets a version serve. Runs in progress keep the version they began with, but end if it has
    /// a grant that this one does not have.
    pub(crate) fn swap(&self, mut version: Version) {
        self.set_places(RunPlaces::of(
            &version.policy.limits,
            version.memory_bytes(),
        ));
        self.versions
            .store(version.status.number, Ordering::Relaxed);
        let mut deployed = self.deployed();
        match &deployed.version {
            Some(before) if version.policy.takes_from(&before.policy) => before.withdrawn.cancel(),
            // What is taken from this version will be taken from the runs of that one too.
            Some(before) => version.withdrawn = before.withdrawn.clone(),
            None => {}
        }
        *deployed = Deployed {
            version: Some(Arc::new(version)),
            refusal: None,
        };
    }

    fn deployed(&self) -> RwLockWriteGuard<'_, Deployed> {
        self.deployed
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies the limits on runs. If they change, runs that have begun keep their places.
    pub(crate) fn set_places(&self, places: RunPlaces) {
        let mut admission = self
            .admission
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if admission.places() != places {
            *admission = Arc::new(Admission::new(
                places,
                Arc::clone(&self.host),
                Arc::clone(&self.share),
            ));
        }
    }

    /// Stops serving the version and ends its runs, because an interface it asks for is no longer
    /// granted.
    pub(crate) fn withdraw(&self, refusal: Refusal) {
        let mut deployed = self.deployed();
        if let Some(before) = &deployed.version {
            before.withdrawn.cancel();
        }
        *deployed = Deployed {
            version: None,
            refusal: Some(refusal),
        };
    }

    /// Remembers why the latest file was refused. The previous version keeps serving.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.deployed().refusal = Some(refusal);
    }

    /// Forgets a refusal, because the file is again the one that serves.
    pub(crate) fn clear_refusal(&self) {
        self.deployed().refusal = None;
    }

    /// Takes a place for a run, and waits for one if necessary.
    ///
    /// # Errors
    /// `limit` if too many runs are waiting already, or the wait takes too long.
    pub(crate) async fn enter(self: &Arc<Self>) -> Result<ActiveRun, Failure> {
        let admission = Arc::clone(
            &self
                .admission
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let place = admission.admit().await?;
        Ok(self.begin(Some(place)))
    }

    /// Begins an attempt of a job, which needs no place.
    pub(crate) fn enter_job(self: &Arc<Self>) -> ActiveRun {
        self.begin(None)
    }

    fn begin(self: &Arc<Self>, place: Option<Place>) -> ActiveRun {
        self.active_runs.fetch_add(1, Ordering::Relaxed);
        self.share.metrics().start();
        ActiveRun {
            pipeline: Arc::clone(self),
            _place: place,
        }
    }

    /// What `/status/{name}` shows.
    pub(crate) fn status(&self) -> PipelineStatus {
        let deployed = self.deployed.read().unwrap_or_else(PoisonError::into_inner);
        let state = match (&deployed.version, &deployed.refusal) {
            (Some(_), _) => PipelineState::Ready,
            (None, Some(_)) => PipelineState::Failed,
            (None, None) => PipelineState::Loading,
        };
        PipelineStatus {
            name: self.name.as_str().to_owned(),
            state,
            version: deployed
                .version
                .as_ref()
                .map(|version| version.status.clone()),
            last_error: deployed.refusal.clone(),
            active_runs: self.active_runs.load(Ordering::Relaxed),
            total_runs: self.share.metrics().started(),
            failed_runs: self.share.metrics().failed(),
        }
    }
}
