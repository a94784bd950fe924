//! The public interface of this crate.

use std::collections::{BTreeMap, BTreeSet};
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
use hayrick_types::state::PipelineNames;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::api_description::ApiDescription;
use crate::approvals::Approvals;
use crate::attempt::{ProgressSender, run_attempt};
use crate::compile::cache::SealedCache;
use crate::compile::compiler::Compiler;
use crate::config::RuntimeConfig;
use crate::deploy::{Arriving, Deploys};
use crate::direct::{self, Direct};
use crate::engine::engine;
use crate::epoch::EpochTicker;
use crate::error::{DeployError, RuntimeError};
use crate::guest_call::ClientRequest;
use crate::loader::Loader;
use crate::pipeline::Pipeline;
use crate::registry::Registry;
use crate::run_stream::RunStream;
use crate::serving::{Serving, answer};
use crate::watcher::FolderWatcher;

/// Runs plugins. A cheap handle. Dropping the last one stops the watcher and the epoch thread.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Arc<Registry>,
    deploys: Deploys,
    direct: Direct,
    services: Services,
    ready: watch::Receiver<bool>,
    watcher: Mutex<Option<AbortOnDropHandle<()>>>,
    _epochs: EpochTicker,
}

impl Runtime {
    /// Starts the engine and watches the plugins folder. Returns before the first plugin is
    /// compiled. Must be called inside a tokio runtime.
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
        if !config.plugins_dir.exists() {
            tracing::warn!(
                folder = %config.plugins_dir.display(),
                "the plugins folder did not exist: it was made, and is empty; check --plugins-dir \
                 if that surprises you"
            );
        }
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
        let direct = Direct::new(&services.llm, &registry);
        let deploys = Deploys::new(&config.plugins_dir, Arc::clone(&registry));
        let (ready_sender, ready) = watch::channel(false);
        let watcher = FolderWatcher::new(&config.plugins_dir, Arc::clone(&registry), ready_sender);
        let watcher = AbortOnDropHandle::new(tokio::spawn(watcher.run()));
        Ok(Runtime {
            inner: Arc::new(Inner {
                registry,
                deploys,
                direct,
                services,
                ready,
                watcher: Mutex::new(Some(watcher)),
                _epochs: epochs,
            }),
        })
    }

    /// Waits for a free place and starts a run that answers a client. The guest runs while the
    /// stream is polled.
    ///
    /// # Errors
    /// `not-found`, `unavailable` while the first version is being compiled, `limit` if too many
    /// runs are waiting already.
    pub async fn answer(
        &self,
        id: RunId,
        pipeline: &str,
        request: ClientRequest,
    ) -> Result<RunStream, Failure> {
        let (registry, services) = (&self.inner.registry, &self.inner.services);
        if let Some(model) = self.model(pipeline) {
            return direct::answer(model, registry, services, id, request).await;
        }
        let serving = self.serving(pipeline, request.export())?;
        answer(serving, services, id, request).await
    }

    /// Whether this is a model that clients may ask directly: an alias that the operator made
    /// public, and no pipeline has its name.
    pub fn is_model(&self, name: &str) -> bool {
        self.model(name).is_some()
    }

    fn model(&self, name: &str) -> Option<&Arc<Pipeline>> {
        let model = self.inner.direct.get(name);
        model.filter(|_| self.inner.registry.get(name).is_none())
    }

    /// The names of the models that clients may ask directly, in order.
    pub fn models(&self) -> Vec<String> {
        let all = self.inner.direct.all();
        let names = all.map(|(name, _)| name);
        names.filter(|name| self.is_model(name)).cloned().collect()
    }

    /// Runs one attempt of a job, and reports its progress to `progress`. Dropping the future ends
    /// the attempt at once.
    pub async fn run_job(&self, claimed: Claimed, progress: ProgressSender) -> AttemptEnd {
        match self.serving(&claimed.job.pipeline, Export::Job) {
            Ok(serving) => run_attempt(serving, &self.inner.services, claimed, progress).await,
            // The plugin was removed in the meantime: the job waits for it to come back.
            Err(_) => AttemptEnd::Released,
        }
    }

    /// Checks that a pipeline serves `export` now, and returns its policy. For callers that have
    /// work to do before they start a run.
    ///
    /// # Errors
    /// `not-found`, or `unavailable` while no version serves.
    pub fn check(&self, pipeline: &str, export: Export) -> Result<Arc<Policy>, Failure> {
        self.serving(pipeline, export)
            .map(|serving| Arc::clone(&serving.version.policy))
    }

    /// What the API of a pipeline says about itself.
    ///
    /// # Errors
    /// As [`Runtime::check`].
    pub fn api(&self, pipeline: &str) -> Result<Arc<ApiDescription>, Failure> {
        let serving = self.serving(pipeline, Export::Api)?;
        let described = serving.version.api.clone();
        described.ok_or_else(|| serving.not_exported())
    }

    /// The APIs that serve now, by the names of their pipelines.
    pub fn apis(&self) -> BTreeMap<String, Arc<ApiDescription>> {
        self.inner.registry.apis()
    }

    fn serving(&self, pipeline: &str, export: Export) -> Result<Serving, Failure> {
        Serving::find(&self.inner.registry, pipeline, export)
    }

    /// The runs of the models that clients may ask directly, as statuses of pipelines.
    pub fn model_statuses(&self) -> Vec<PipelineStatus> {
        let names = self.inner.direct.all().map(|(name, _)| name);
        let models = names.filter_map(|name| self.model(name));
        models.map(|model| direct::status(model)).collect()
    }

    /// The pipelines that run jobs now, by name, each with its policy.
    pub fn job_pipelines(&self) -> BTreeMap<String, Arc<Policy>> {
        self.inner.registry.serving(Export::Job)
    }

    /// Changes each time a version comes or goes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.registry.changes()
    }

    /// The status of every pipeline, by name.
    pub fn pipelines(&self) -> Vec<PipelineStatus> {
        self.inner.registry.statuses()
    }

    /// The status of one pipeline.
    pub fn pipeline(&self, name: &str) -> Option<PipelineStatus> {
        self.inner.registry.status(name)
    }

    /// Begins a deploy over HTTP: takes a place, and creates a temporary file for the component.
    ///
    /// # Errors
    /// The name is not a valid pipeline name, too many deploys are running, or the plugins folder
    /// cannot be written to.
    pub async fn begin_deploy(&self, name: &str, client: &str) -> Result<Arriving, DeployError> {
        self.inner.deploys.begin(name, client).await
    }

    /// Checks the component that has arrived, gives its file the final name, and lets it serve.
    /// Dropping the future cancels the deploy.
    ///
    /// # Errors
    /// The component is refused; nothing has changed.
    pub async fn deploy(&self, arrived: Arriving) -> Result<PipelineStatus, DeployError> {
        self.inner.deploys.finish(arrived).await
    }

    /// Removes a pipeline and its file. Returns false if neither exists. Runs that have begun keep
    /// their version.
    ///
    /// # Errors
    /// The name is not a valid pipeline name, or the plugins folder cannot be written to.
    pub async fn undeploy(&self, name: &str) -> Result<bool, DeployError> {
        self.inner.deploys.remove(name).await
    }

    /// Whether every file that was in the folder at the start has been deployed or refused.
    pub fn is_ready(&self) -> bool {
        *self.inner.ready.borrow()
    }

    /// The names of pipelines whose files are there, and of those that something is remembered of.
    pub fn names(&self) -> PipelineNames {
        self.inner.registry.names()
    }

    /// Forgets what removed pipelines asked for; their next version counts as the first one.
    ///
    /// # Errors
    /// The file of approvals cannot be written.
    pub async fn forget(&self, names: BTreeSet<String>) -> std::io::Result<()> {
        self.inner.registry.forget(names).await
    }

    /// Stops watching the folder. Runs continue.
    pub fn shutdown(&self) {
        self.inner
            .watcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

/// Creates a folder that only this user can read and write, if it is missing.
fn make_folder(path: &Path) -> Result<(), RuntimeError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| RuntimeError::Path {
        path: path.to_owned(),
        source,
    })
}
