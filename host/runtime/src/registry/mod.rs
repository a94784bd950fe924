//! The pipelines by name. Turns files into pipelines.

mod by_request;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use hayrick_capabilities::plugin_share::{HostMax, PluginShare};
use hayrick_services::audit::{Action, Audit, AuditRecord};
use hayrick_services::metrics::Metrics;
use hayrick_types::contract::Export;
use hayrick_types::id::PipelineName;
use hayrick_types::pipeline::{PipelineStatus, Refusal};
use hayrick_types::policy::Policy;
use hayrick_types::state::PipelineNames;
use tokio::sync::{OwnedMutexGuard, Semaphore, watch};

use crate::api_description::ApiDescription;
use crate::approvals::{Approval, Approvals};
use crate::config::{Policies, RuntimeConfig};
use crate::error::DeployError;
use crate::loader::{Bytes, Candidate, Loader, read};
use crate::pipeline::Pipeline;
use crate::refusal::{misnamed_status, refusal, refuse};
use crate::version::Version;

/// Every pipeline, and every file whose name is not valid.
pub(crate) struct Registry {
    loader: Arc<Loader>,
    policies: Arc<dyn Policies>,
    approvals: Arc<Approvals>,
    audit: Audit,
    host_runs: Arc<Semaphore>,
    metrics: Metrics,
    host_max: HostMax,
    pipelines: RwLock<BTreeMap<String, Arc<Pipeline>>>,
    /// Files whose names are not valid pipeline names.
    misnamed: RwLock<BTreeMap<String, Refusal>>,
    /// Increases each time a version comes or goes.
    changes: watch::Sender<u64>,
    /// One lock per name that is being deployed. A name is deployed only once at a time, from the
    /// folder or over HTTP, so that the last deploy wins.
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Registry {
    /// Creates an empty registry. Its runs share the places and the memory of the host.
    pub(crate) fn new(
        loader: Arc<Loader>,
        config: &RuntimeConfig,
        approvals: Approvals,
        audit: Audit,
        metrics: Metrics,
    ) -> Registry {
        Registry {
            loader,
            policies: Arc::clone(&config.policies),
            approvals: Arc::new(approvals),
            audit,
            host_runs: Arc::new(Semaphore::new(
                config.engine.host_runs_max.min(Semaphore::MAX_PERMITS),
            )),
            metrics,
            host_max: HostMax {
                memory_bytes: config.engine.host_memory_bytes_max,
                suspended_calls: config.engine.host_suspended_calls_max,
            },
            pipelines: RwLock::default(),
            misnamed: RwLock::default(),
            changes: watch::Sender::new(0),
            turns: Mutex::default(),
        }
    }

    /// The pipeline of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Pipeline>> {
        self.pipelines
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// The pipelines that serve `export`, by name, each with its policy.
    pub(crate) fn serving(&self, export: Export) -> BTreeMap<String, Arc<Policy>> {
        self.of_versions(|version| {
            let serves = version.shape.serves(export);
            serves.then(|| Arc::clone(&version.policy))
        })
    }

    /// The APIs that serve, by the names of their pipelines.
    pub(crate) fn apis(&self) -> BTreeMap<String, Arc<ApiDescription>> {
        self.of_versions(|version| version.api.clone())
    }

    /// What `pick` takes of each version that serves, by the name of its pipeline.
    fn of_versions<T>(&self, pick: impl Fn(&Version) -> Option<T>) -> BTreeMap<String, T> {
        let pipelines = self
            .pipelines
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let picked = pipelines
            .iter()
            .filter_map(|(name, pipeline)| Some((name.clone(), pick(&*pipeline.version()?)?)));
        picked.collect()
    }

    /// Changes each time a version comes or goes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn notify_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// The status of every file, by name.
    pub(crate) fn statuses(&self) -> Vec<PipelineStatus> {
        let pipelines = self
            .pipelines
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let misnamed = self.misnamed.read().unwrap_or_else(PoisonError::into_inner);
        let refused = misnamed
            .iter()
            .map(|(name, refusal)| misnamed_status(name, refusal));
        pipelines
            .values()
            .map(|pipeline| pipeline.status())
            .chain(refused)
            .collect()
    }

    /// The status of one file.
    pub(crate) fn status(&self, name: &str) -> Option<PipelineStatus> {
        let pipeline = self.get(name).map(|pipeline| pipeline.status());
        pipeline.or_else(|| {
            let misnamed = self.misnamed.read().unwrap_or_else(PoisonError::into_inner);
            misnamed
                .get(name)
                .map(|refusal| misnamed_status(name, refusal))
        })
    }

    /// A file has appeared: its pipeline exists from now on, though it does not serve yet.
    pub(crate) fn announce(&self, stem: &str) {
        if let Ok(name) = PipelineName::parse(stem)
            && self.check_case(&name).is_ok()
        {
            self.pipeline(name);
        }
    }

    /// Deploys a file. Afterwards it serves, or its status says why not. Returns whether the same
    /// file may do better later: the host failed, not the file.
    pub(crate) async fn deploy(&self, stem: &str, path: &Path) -> bool {
        let name = match PipelineName::parse(stem) {
            Ok(name) => name,
            Err(error) => {
                self.misname(stem, &error.into());
                return false;
            }
        };
        // Take the lock before reading the file: what is deployed over HTTP in the meantime is
        // newer than what was read before.
        let _turn = self.turn(stem).await;
        if let Err(error) = self.check_case(&name) {
            self.misname(stem, &error);
            return false;
        }
        let pipeline = self.pipeline(name);
        let deployed = match self.read(pipeline.name().clone(), path).await {
            Ok((bytes, policy)) => self.deploy_bytes(&pipeline, bytes, policy).await,
            Err(error) => {
                self.refuse_file(&pipeline, String::new(), &error).await;
                Err(error)
            }
        };
        deployed.is_err_and(|error| error.may_pass())
    }

    /// The current policy of a plugin.
    ///
    /// # Errors
    /// Its policy file is invalid.
    pub(crate) async fn policy(&self, name: &PipelineName) -> Result<Arc<Policy>, DeployError> {
        let (name, policies) = (name.clone(), Arc::clone(&self.policies));
        let reading = tokio::task::spawn_blocking(move || {
            policies
                .of(&name)
                .map(Arc::new)
                .map_err(DeployError::Policy)
        });
        reading
            .await
            .unwrap_or_else(|panicked| Err(DeployError::Read(panicked.into())))
    }

    /// Reads the file of a plugin and its policy.
    async fn read(
        &self,
        name: PipelineName,
        path: &Path,
    ) -> Result<(Bytes, Arc<Policy>), DeployError> {
        let (path, policies) = (path.to_owned(), Arc::clone(&self.policies));
        let reading = tokio::task::spawn_blocking(move || {
            let policy = policies.of(&name).map_err(DeployError::Policy)?;
            Ok((read(&path, &policy.limits)?, Arc::new(policy)))
        });
        reading
            .await
            .unwrap_or_else(|panicked| Err(DeployError::Read(panicked.into())))
    }

    async fn deploy_bytes(
        &self,
        pipeline: &Pipeline,
        bytes: Bytes,
        policy: Arc<Policy>,
    ) -> Result<(), DeployError> {
        let (name, digest) = (pipeline.name().as_str(), bytes.digest.clone());
        let serving = pipeline
            .version()
            .filter(|version| version.status.digest == digest);
        if serving
            .as_ref()
            .is_some_and(|version| version.policy == policy)
        {
            tracing::debug!(pipeline = name, "the file and its policy are unchanged");
            pipeline.clear_refusal();
            return Ok(());
        }
        let candidate = Candidate {
            bytes,
            number: pipeline.next_number(),
            policy,
            asked_before: self.approvals.asked(name),
            share: pipeline.share(),
        };
        match self.load(pipeline.name(), candidate).await {
            Ok(version) => {
                let approval = Approval::new(&digest, &version.shape.asked);
                self.serve(pipeline, version);
                let is_new = self.save_approval(name, approval).await;
                match serving {
                    Some(_) => self.record(Action::PolicyChange, name, "ok").await,
                    // A file that already served before this process started is not a new deploy.
                    None if is_new => self.record(Action::Deploy, name, "ok").await,
                    None => {}
                }
                Ok(())
            }
            // This is the version that serves, and its grant is gone: it must stop serving.
            Err(error @ DeployError::NotGranted { .. }) if serving.is_some() => {
                tracing::error!(pipeline = name, "withdrawn: {error}");
                pipeline.withdraw(refusal(digest, &error));
                self.notify_change();
                self.record(Action::PolicyChange, name, &error.to_string())
                    .await;
                Err(error)
            }
            Err(error) => {
                self.refuse_file(pipeline, digest, &error).await;
                Err(error)
            }
        }
    }

    /// Prepares a version. Its policy is still the current one when this returns.
    async fn load(
        &self,
        name: &PipelineName,
        candidate: Candidate,
    ) -> Result<Version, DeployError> {
        let version = self.loader.load(name.as_str(), candidate).await?;
        if self.policy(name).await? == version.policy {
            Ok(version)
        } else {
            Err(DeployError::PolicyChanged)
        }
    }

    async fn refuse_file(&self, pipeline: &Pipeline, digest: String, error: &DeployError) {
        // A second try that fails like the first is not news, and must not fill the logs.
        if pipeline
            .status()
            .last_error
            .is_some_and(|last| last.digest == digest && last.reason == error.to_string())
        {
            tracing::debug!(
                pipeline = pipeline.name().as_str(),
                "still not deployed: {error}"
            );
            return;
        }
        refuse(pipeline, digest, error);
        self.record(
            Action::DeployRefused,
            pipeline.name().as_str(),
            &error.to_string(),
        )
        .await;
    }

    /// Writes a change in the folder to the audit log. Changes over HTTP are recorded where the
    /// API key is known.
    async fn record(&self, action: Action, name: &str, outcome: &str) {
        if let Err(error) = self
            .audit
            .record(folder_record(action, name, outcome))
            .await
        {
            tracing::error!(%error, "cannot write the audit log");
        }
    }

    /// Saves the approval of a version. Returns whether it differs from the last version.
    async fn save_approval(&self, name: &str, approval: Approval) -> bool {
        let (approvals, owned) = (Arc::clone(&self.approvals), name.to_owned());
        let saved = tokio::task::spawn_blocking(move || approvals.save(&owned, approval)).await;
        saved
            .map_err(Into::into)
            .and_then(|saved| saved)
            .unwrap_or_else(|error| {
                tracing::error!(
                    pipeline = name,
                    "cannot save which interfaces this version asks for, so they may have to be \
                     granted again: {error}"
                );
                true
            })
    }

    /// The names of pipelines whose files are there, and of those that have an approval.
    pub(crate) fn names(&self) -> PipelineNames {
        let pipelines = self
            .pipelines
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        PipelineNames {
            present: pipelines.keys().cloned().collect(),
            remembered: self.approvals.names(),
        }
    }

    /// Forgets what removed pipelines asked for. A pipeline that is back keeps its approval.
    ///
    /// # Errors
    /// The file of approvals cannot be written.
    pub(crate) async fn forget(&self, mut names: BTreeSet<String>) -> std::io::Result<()> {
        names.retain(|name| self.get(name).is_none());
        let approvals = Arc::clone(&self.approvals);
        tokio::task::spawn_blocking(move || approvals.forget(&names)).await?
    }

    fn serve(&self, pipeline: &Pipeline, version: Version) {
        let (name, status) = (pipeline.name().as_str(), &version.status);
        let (number, compile_ms, setup_ms, digest) = (
            status.number,
            status.compile_ms,
            status.setup_ms,
            status.digest.clone(),
        );
        pipeline.swap(version);
        self.notify_change();
        tracing::info!(
            pipeline = name,
            number,
            digest,
            compile_ms,
            setup_ms,
            "deployed"
        );
    }

    /// Removes a pipeline whose file has disappeared, unless the file is back by now.
    pub(crate) fn undeploy_gone(&self, stem: &str, path: &Path) {
        // A request is deploying or removing this name, and decides what happens to it.
        if self.is_taken(stem) {
            return;
        }
        let mut pipelines = self
            .pipelines
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // A deploy over HTTP puts the file in place before it takes this lock.
        // A file that cannot be examined is there for all that is known.
        if path.try_exists().is_ok_and(|exists| !exists) {
            let removed = pipelines.remove(stem);
            drop(pipelines);
            self.finish_undeploy(stem, removed.is_some(), "its file is gone");
            // This blocks the watcher for some milliseconds, but it is rare.
            if removed.is_some()
                && let Err(error) =
                    self.audit
                        .record_blocking(folder_record(Action::Undeploy, stem, "ok"))
            {
                tracing::error!(%error, "cannot write the audit log");
            }
        }
    }

    fn undeploy(&self, stem: &str, why: &str) -> bool {
        let is_removed = self
            .pipelines
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(stem)
            .is_some();
        self.finish_undeploy(stem, is_removed, why);
        is_removed
    }

    fn finish_undeploy(&self, stem: &str, is_removed: bool, why: &str) {
        self.misnamed
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(stem);
        if is_removed {
            self.notify_change();
            tracing::info!(pipeline = stem, "undeployed: {why}");
        }
    }

    /// Refuses a name that differs from the name of another pipeline in case only.
    ///
    /// # Errors
    /// There is such a pipeline. The error names it.
    pub(crate) fn check_case(&self, name: &PipelineName) -> Result<(), DeployError> {
        let pipelines = self
            .pipelines
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let taken = pipelines
            .keys()
            .find(|other| other.eq_ignore_ascii_case(name.as_str()) && *other != name.as_str());
        taken.map_or(Ok(()), |other| {
            Err(DeployError::NameTaken {
                other: other.clone(),
            })
        })
    }

    fn is_taken(&self, name: &str) -> bool {
        self.turns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .is_some_and(|turn| turn.strong_count() > 0)
    }

    async fn turn(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(name).and_then(Weak::upgrade);
            let turn = known.unwrap_or_default();
            turns.insert(name.to_owned(), Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }

    /// A pipeline of that name which is not in the registry.
    pub(crate) fn fresh(&self, name: PipelineName) -> Arc<Pipeline> {
        let share = PluginShare::new(self.metrics.clone(), &name.as_str().into(), self.host_max);
        Arc::new(Pipeline::new(name, Arc::clone(&self.host_runs), share))
    }

    fn pipeline(&self, name: PipelineName) -> Arc<Pipeline> {
        let mut pipelines = self
            .pipelines
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let key = name.as_str().to_owned();
        Arc::clone(pipelines.entry(key).or_insert_with(|| self.fresh(name)))
    }

    fn misname(&self, stem: &str, error: &DeployError) {
        tracing::error!(file = ?stem, "not deployed: {error}");
        self.misnamed
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(stem.to_owned(), refusal(String::new(), error));
    }
}

/// The audit record of a change in the folder.
fn folder_record(action: Action, name: &str, outcome: &str) -> AuditRecord {
    AuditRecord {
        actor: "folder".to_owned(),
        action,
        subject: name.to_owned(),
        outcome: outcome.to_owned(),
        request: None,
    }
}
