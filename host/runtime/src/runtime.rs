//! The face of this crate.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hayrick_capabilities::services::Services;
use hayrick_services::audit::Audit;
use hayrick_types::contract::Export;
use hayrick_types::failure::Failure;
use hayrick_types::id::RunId;
use hayrick_types::job::{AttemptEnd, Claimed};
use hayrick_types::pipeline::PipelineStatus;
use hayrick_types::policy::Policy;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::approvals::Approvals;
use crate::attempt::{ProgressSender, run_attempt};
use crate::compile::cache::SealedCache;
use crate::compile::compiler::Compiler;
use crate::config::RuntimeConfig;
use crate::deploy::{Arriving, Deploys};
use crate::engine::engine;
use crate::epoch::EpochTicker;
use crate::error::{DeployError, RuntimeError};
use crate::guest_call::ClientRequest;
use crate::loader::Loader;
use crate::registry::Registry;
use crate::run_stream::RunStream;
use crate::serving::{Serving, answer};
use crate::watcher::FolderWatcher;

/// Runs plugins. A cheap handle; the last one dropped stops the watcher and the epoch thread.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Arc<Registry>,
    deploys: Deploys,
    services: Services,
    ready: watch::Receiver<bool>,
    watcher: Mutex<Option<AbortOnDropHandle<()>>>,
    _epochs: EpochTicker,
}

impl Runtime {
    /// Starts the engine and follows the plugins folder. Returns before the first plugin is
    /// compiled. Called inside a tokio runtime.
    ///
    /// # Errors
    /// A folder cannot be used, or the engine cannot start.
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is kept, and ends the task with the runtime"
    )]
    pub fn start(
        config: &RuntimeConfig,
        services: Services,
        audit: Audit,
    ) -> Result<Runtime, RuntimeError> {
        make_folder(&config.plugins_dir)?;
        make_folder(&config.cache_dir)?;
        let engine = engine(config).map_err(RuntimeError::Engine)?;
        let cache = SealedCache::open(
            &config.cache_dir,
            &config.cache_key,
            config.compile.limits.artifact_bytes_max,
            config.engine.cache_bytes_max,
        )?;
        let compiler = Compiler::new(
            engine.clone(),
            config.compiler.clone(),
            config.compile.clone(),
            Some(cache),
        );
        let loader =
            Loader::new(engine, compiler, services.clone()).map_err(RuntimeError::Engine)?;
        let epochs = EpochTicker::start(loader.engine()).map_err(RuntimeError::Thread)?;
        let approvals = Approvals::open(&config.approvals)?;
        let registry = Arc::new(Registry::new(
            Arc::new(loader),
            config,
            approvals,
            audit,
            services.metrics.clone(),
        ));
        let deploys = Deploys::new(&config.plugins_dir, Arc::clone(&registry));
        let (tell_ready, ready) = watch::channel(false);
        let watcher = FolderWatcher::new(&config.plugins_dir, Arc::clone(&registry), tell_ready)?;
        let watcher = AbortOnDropHandle::new(tokio::spawn(watcher.run()));
        Ok(Runtime {
            inner: Arc::new(Inner {
                registry,
                deploys,
                services,
                ready,
                watcher: Mutex::new(Some(watcher)),
                _epochs: epochs,
            }),
        })
    }

    /// Starts a run that answers a client, waiting for a free place first. The guest runs while the
    /// stream is polled.
    ///
    /// # Errors
    /// `not-found`, `unavailable` while the first version is being made, `limit` if too many runs
    /// wait already.
    pub async fn answer(
        &self,
        id: RunId,
        pipeline: &str,
        request: ClientRequest,
    ) -> Result<RunStream, Failure> {
        let serving = self.serving(pipeline, request.export())?;
        answer(serving, &self.inner.services, id, request).await
    }

    /// Runs one attempt of a job. Dropping the future ends it at once. `progress` gets how far
    /// it has come.
    pub async fn run_job(&self, claimed: Claimed, progress: ProgressSender) -> AttemptEnd {
        match self.serving(&claimed.job.pipeline, Export::Job) {
            Ok(serving) => run_attempt(serving, &self.inner.services, claimed, progress).await,
            // Its plugin went away meanwhile: the job waits for it.
            Err(_) => AttemptEnd::Released,
        }
    }

    /// Whether a pipeline serves `export` at this moment, and what it is granted, for those who
    /// have work to do before they start a run.
    ///
    /// # Errors
    /// `not-found`, or `unavailable` while no version serves.
    pub fn check(&self, pipeline: &str, export: Export) -> Result<Arc<Policy>, Failure> {
        self.serving(pipeline, export)
            .map(|serving| Arc::clone(&serving.version.policy))
    }

    fn serving(&self, pipeline: &str, export: Export) -> Result<Serving, Failure> {
        Serving::find(&self.inner.registry, pipeline, export)
    }

    /// The pipelines that run jobs at this moment, by name, and what each is granted.
    pub fn job_pipelines(&self) -> BTreeMap<String, Arc<Policy>> {
        self.inner.registry.serving(Export::Job)
    }

    /// Changes each time a version comes or goes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.registry.changes()
    }

    /// What is known of every pipeline, by name.
    pub fn pipelines(&self) -> Vec<PipelineStatus> {
        self.inner.registry.statuses()
    }

    /// What is known of one pipeline.
    pub fn pipeline(&self, name: &str) -> Option<PipelineStatus> {
        self.inner.registry.status(name)
    }

    /// Begins a deploy by request: takes a place, and a file aside that the component arrives in.
    ///
    /// # Errors
    /// The name is no pipeline's, too many deploys are going on, or the plugins folder cannot be
    /// written to.
    pub async fn begin_deploy(&self, name: &str) -> Result<Arriving, DeployError> {
        self.inner.deploys.begin(name).await
    }

    /// Tries what has arrived, gives it its name on disk, and lets it serve. Dropping the future
    /// gives it up.
    ///
    /// # Errors
    /// Why it must not serve; nothing has changed then.
    pub async fn deploy(&self, arrived: Arriving) -> Result<PipelineStatus, DeployError> {
        self.inner.deploys.finish(arrived).await
    }

    /// Removes a pipeline and its file; false if there is neither. Its runs end on the version they
    /// began with.
    ///
    /// # Errors
    /// The name is no pipeline's, or the plugins folder cannot be written to.
    pub async fn undeploy(&self, name: &str) -> Result<bool, DeployError> {
        self.inner.deploys.remove(name).await
    }

    /// Whether the files that lay in the folder at the start have all been tried.
    pub fn is_ready(&self) -> bool {
        *self.inner.ready.borrow()
    }

    /// Stops following the folder; runs go on.
    pub fn shutdown(&self) {
        self.inner
            .watcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

/// Makes a folder that only this user can read and write, if it is not there.
fn make_folder(path: &Path) -> Result<(), RuntimeError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| RuntimeError::Path {
        path: path.to_owned(),
        source,
    })
}
