//! Pipelines by name, and how a file becomes one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use host_capabilities::plugin_share::PluginShare;
use host_services::metrics::Metrics;
use host_types::id::PipelineName;
use host_types::limit_name::LimitName;
use host_types::pipeline::{PipelineState, PipelineStatus, Refusal};
use tokio::sync::{Semaphore, watch};

use crate::config::RuntimeConfig;
use crate::error::DeployError;
use crate::loader::{Bytes, Loader, read, unix_seconds};
use crate::pipeline::Pipeline;
use crate::shape::Function;

/// Every pipeline, and every file that could not become one.
pub(crate) struct Registry {
    loader: Arc<Loader>,
    host_runs: Arc<Semaphore>,
    metrics: Metrics,
    host_memory_bytes_max: usize,
    pipelines: RwLock<BTreeMap<String, Arc<Pipeline>>>,
    /// Files whose names are no pipeline's.
    misnamed: RwLock<BTreeMap<String, Refusal>>,
    /// Grows each time a version comes or goes.
    changes: watch::Sender<u64>,
}

impl Registry {
    /// An empty registry whose runs share the places and the memory of the host.
    pub(crate) fn new(loader: Arc<Loader>, config: &RuntimeConfig, metrics: Metrics) -> Registry {
        let host_runs = Arc::new(Semaphore::new(config.host_runs_max.min(Semaphore::MAX_PERMITS)));
        let host_memory_bytes_max = config.host_memory_bytes_max;
        Registry {
            loader,
            host_runs,
            metrics,
            host_memory_bytes_max,
            pipelines: RwLock::default(),
            misnamed: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// The pipeline of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Pipeline>> {
        self.pipelines.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The names of the pipelines that serve `function`.
    pub(crate) fn names_serving(&self, function: Function) -> Vec<String> {
        let pipelines = self.pipelines.read().unwrap_or_else(PoisonError::into_inner);
        let serving = pipelines.values().filter(|pipeline| pipeline.version().is_some_and(|version| version.shape.serves(function)));
        serving.map(|pipeline| pipeline.name().as_str().to_owned()).collect()
    }

    /// Changes each time a version comes or goes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn tell_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// What is known of every file, by name.
    pub(crate) fn statuses(&self) -> Vec<PipelineStatus> {
        let pipelines = self.pipelines.read().unwrap_or_else(PoisonError::into_inner);
        let misnamed = self.misnamed.read().unwrap_or_else(PoisonError::into_inner);
        let refused = misnamed.iter().map(|(name, refusal)| misnamed_status(name, refusal));
        pipelines.values().map(|pipeline| pipeline.status()).chain(refused).collect()
    }

    /// What is known of one file.
    pub(crate) fn status(&self, name: &str) -> Option<PipelineStatus> {
        let pipeline = self.get(name).map(|pipeline| pipeline.status());
        pipeline.or_else(|| {
            let misnamed = self.misnamed.read().unwrap_or_else(PoisonError::into_inner);
            misnamed.get(name).map(|refusal| misnamed_status(name, refusal))
        })
    }

    /// Takes a file up: afterwards it serves, or its status says why not.
    pub(crate) async fn deploy(&self, stem: &str, path: &Path) {
        let name = match PipelineName::parse(stem) {
            Ok(name) => name,
            Err(error) => return self.misname(stem, &error.into()),
        };
        let pipeline = self.pipeline(name);
        let path = path.to_owned();
        let limits = self.loader.limits().clone();
        let bytes = match tokio::task::spawn_blocking(move || read(&path, &limits)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return refuse(&pipeline, String::new(), &error),
            Err(panicked) => return refuse(&pipeline, String::new(), &DeployError::Read(panicked.into())),
        };
        self.deploy_bytes(&pipeline, bytes).await;
    }

    async fn deploy_bytes(&self, pipeline: &Pipeline, bytes: Bytes) {
        let name = pipeline.name().as_str();
        if pipeline.version().is_some_and(|version| version.status.digest == bytes.digest) {
            tracing::debug!(pipeline = name, "the file is the version that serves");
            return pipeline.clear_refusal();
        }
        let digest = bytes.digest.clone();
        match self.loader.load(name, bytes, pipeline.next_generation(), pipeline.share()).await {
            Ok(version) => {
                let status = &version.status;
                let (generation, compile_ms, setup_ms) = (status.generation, status.compile_ms, status.setup_ms);
                pipeline.swap(version);
                self.tell_change();
                tracing::info!(pipeline = name, generation, digest, compile_ms, setup_ms, "deployed");
            }
            Err(error) => refuse(pipeline, digest, &error),
        }
    }

    /// Forgets a pipeline whose file is gone. Its runs end on the version they began with.
    pub(crate) fn undeploy(&self, stem: &str) {
        self.misnamed.write().unwrap_or_else(PoisonError::into_inner).remove(stem);
        if self.pipelines.write().unwrap_or_else(PoisonError::into_inner).remove(stem).is_some() {
            self.metrics.forget(stem);
            self.tell_change();
            tracing::info!(pipeline = stem, "undeployed: its file is gone");
        }
    }

    fn pipeline(&self, name: PipelineName) -> Arc<Pipeline> {
        let mut pipelines = self.pipelines.write().unwrap_or_else(PoisonError::into_inner);
        let key = name.as_str().to_owned();
        let make = || {
            let share = PluginShare::new(self.metrics.clone(), &name.as_str().into(), self.host_memory_bytes_max);
            Arc::new(Pipeline::new(name, self.loader.limits(), Arc::clone(&self.host_runs), share))
        };
        Arc::clone(pipelines.entry(key).or_insert_with(make))
    }

    fn misname(&self, stem: &str, error: &DeployError) {
        tracing::error!(file = ?stem, "not deployed: {error}");
        self.misnamed.write().unwrap_or_else(PoisonError::into_inner).insert(stem.to_owned(), refusal(String::new(), error));
    }
}

fn misnamed_status(name: &str, refusal: &Refusal) -> PipelineStatus {
    PipelineStatus {
        name: name.to_owned(),
        state: PipelineState::Failed,
        version: None,
        last_error: Some(refusal.clone()),
        active_runs: 0,
        total_runs: 0,
        failed_runs: 0,
    }
}

fn refusal(digest: String, error: &DeployError) -> Refusal {
    Refusal { digest, at: unix_seconds(), reason: error.to_string() }
}

fn refuse(pipeline: &Pipeline, digest: String, error: &DeployError) {
    let (serving, metrics) = (pipeline.version().map(|version| version.status.generation), pipeline.share());
    metrics.metrics().refused_deploy();
    let limit = match error {
        DeployError::TooLarge { .. } => Some(LimitName::ComponentBytesMax),
        DeployError::Limit { limit, .. } => Some(*limit),
        _ => None,
    };
    if let Some(limit) = limit {
        metrics.metrics().reached(limit);
    }
    tracing::error!(pipeline = pipeline.name().as_str(), serving, "not deployed: {error}");
    pipeline.refuse(refusal(digest, error));
}
