//! What the runtime needs to start.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use hayrick_types::id::PipelineName;
use hayrick_types::policy::Policy;
use hayrick_types::settings::engine::EngineSettings;
use hayrick_types::settings::limits::Limits;

use crate::compile::config::CompileConfig;

/// Who knows what each plugin is granted.
pub trait Policies: Debug + Send + Sync {
    /// What the operator grants a plugin at this moment. May read a file.
    ///
    /// # Errors
    /// What the operator wrote is wrong; the text says where, and is for people.
    fn of(&self, name: &PipelineName) -> Result<Policy, String>;
}

/// What the runtime needs to start.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// Where the `.wasm` files are; created if it is not there.
    pub plugins_dir: PathBuf,
    /// Where compiled code is kept between starts; private to this user. Native code is loaded from
    /// it.
    pub cache_dir: PathBuf,
    /// The key that seals it; made if it is not there.
    pub cache_key: PathBuf,
    /// The program that compiles, with its hidden command `compile`: this one.
    pub compiler: PathBuf,
    /// What one compilation may use, and what a component may have.
    pub compile: CompileConfig,
    /// What each plugin is granted.
    pub policies: Arc<dyn Policies>,
    /// The file of what each plugin's last version asked for.
    pub approvals: PathBuf,
    /// The limits of a plugin that has none of its own: what the pool of instances is laid out for.
    pub limits: Limits,
    /// What all plugins together may use.
    pub engine: EngineSettings,
    /// Attempts of jobs at a time, beside those runs.
    pub jobs_max: usize,
}
