//! The face of this crate.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use host_capabilities::output::channel;
use host_capabilities::response::Response;
use host_services::llm::router::Llm;
use host_types::failure::{Failure, FailureKind};
use host_types::id::RunId;
use host_types::pipeline::PipelineStatus;
use host_types::request::ChatRequest;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::config::RuntimeConfig;
use crate::engine::engine;
use crate::epoch::EpochTicker;
use crate::error::RuntimeError;
use crate::instance::Run;
use crate::loader::Loader;
use crate::registry::Registry;
use crate::run_stream::RunStream;
use crate::watcher::FolderWatcher;

/// Runs plugins. A cheap handle; the last one dropped stops the watcher and the epoch thread.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Arc<Registry>,
    ready: watch::Receiver<bool>,
    watcher: Mutex<Option<AbortOnDropHandle<()>>>,
    _epochs: EpochTicker,
}

impl Runtime {
    /// Starts the engine and follows the plugins folder. Returns before the first plugin is compiled. Called inside a tokio runtime.
    ///
    /// # Errors
    /// A folder cannot be used, or the engine cannot start.
    pub fn start(config: &RuntimeConfig, llm: Llm) -> Result<Runtime, RuntimeError> {
        make_folder(&config.plugins_dir)?;
        make_folder(&config.cache_dir)?;
        let engine = engine(config).map_err(RuntimeError::Engine)?;
        let loader = Loader::new(engine, config.limits.clone(), llm).map_err(RuntimeError::Engine)?;
        let epochs = EpochTicker::start(loader.engine()).map_err(RuntimeError::Thread)?;
        let registry = Arc::new(Registry::new(Arc::new(loader), config.host_runs_max));
        let (tell_ready, ready) = watch::channel(false);
        let watcher = FolderWatcher::new(&config.plugins_dir, Arc::clone(&registry), tell_ready)?;
        let watcher = AbortOnDropHandle::new(tokio::spawn(watcher.run()));
        Ok(Runtime { inner: Arc::new(Inner { registry, ready, watcher: Mutex::new(Some(watcher)), _epochs: epochs }) })
    }

    /// Starts a chat run, waiting for a free place first. The guest runs while the stream is polled.
    ///
    /// # Errors
    /// `not-found`, `unavailable` while the first version is being made, `limit` if too many runs wait already.
    pub async fn chat(&self, id: RunId, request: ChatRequest) -> Result<RunStream, Failure> {
        let name = request.model.as_str();
        let pipeline = self.inner.registry.get(name).ok_or_else(|| unknown(name))?;
        let serving = || pipeline.version().ok_or_else(|| not_serving(&pipeline.status()));
        serving()?;
        let active = pipeline.enter().await?;
        // Whoever had to wait runs on the version that serves now.
        let version = serving()?;
        let (sender, receiver) = channel(version.output_limits());
        let run = Run {
            id,
            pipeline: name.to_owned(),
            version,
            llm: self.inner.registry.loader().llm().clone(),
        };
        let answer = async move {
            let outcome = run.chat(request, Arc::new(Response::new(sender))).await;
            outcome.map_err(|failure| active.failed(failure, id))
        };
        Ok(RunStream::new(answer, receiver))
    }

    /// What is known of every pipeline, by name.
    pub fn pipelines(&self) -> Vec<PipelineStatus> {
        self.inner.registry.statuses()
    }

    /// What is known of one pipeline.
    pub fn pipeline(&self, name: &str) -> Option<PipelineStatus> {
        self.inner.registry.status(name)
    }

    /// Whether the files that lay in the folder at the start have all been tried.
    pub fn is_ready(&self) -> bool {
        *self.inner.ready.borrow()
    }

    /// Stops following the folder; runs go on.
    pub fn shutdown(&self) {
        self.inner.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn unknown(name: &str) -> Failure {
    let name: String = name.chars().take(host_types::id::PIPELINE_NAME_BYTES_MAX).collect();
    Failure::new(FailureKind::NotFound, format!("there is no pipeline '{name}': GET /v1/models lists those there are"))
}

fn not_serving(status: &PipelineStatus) -> Failure {
    let reason = match &status.last_error {
        Some(_) => "its file was refused: GET /status says why",
        None => "its first version is being compiled",
    };
    Failure::new(FailureKind::Unavailable, format!("the pipeline '{}' does not serve: {reason}", status.name))
}

/// Makes a folder that only this user can read and write, if it is not there.
fn make_folder(path: &Path) -> Result<(), RuntimeError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| RuntimeError::Path { path: path.to_owned(), source })
}
