//! What the runtime needs to start.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use hayrick_types::id::PipelineName;
use hayrick_types::policy::Policy;
use hayrick_types::settings::engine::EngineSettings;
use hayrick_types::settings::limits::Limits;

use crate::compile::config::CompileConfig;

/// Finds the policy of each plugin.
pub trait Policies: Debug + Send + Sync {
    /// The current policy of a plugin. May read a file.
    ///
    /// # Errors
    /// The policy is invalid. The message, which is for people, says where.
    fn of(&self, name: &PipelineName) -> Result<Policy, String>;
}

/// What the runtime needs to start.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// The folder of the `.wasm` files; created if missing.
    pub plugins_dir: PathBuf,
    /// The folder that keeps compiled code between starts. It must be private to this user, because
    /// native code is loaded from it.
    pub cache_dir: PathBuf,
    /// The key that seals the compiled code; created if missing.
    pub cache_key: PathBuf,
    /// The program whose hidden command `compile` compiles components: this program.
    pub compiler: PathBuf,
    /// The limits of compiling.
    pub compile: CompileConfig,
    /// What each plugin is granted.
    pub policies: Arc<dyn Policies>,
    /// The file that remembers what the last version of each plugin asked for.
    pub approvals: PathBuf,
    /// The default limits of a plugin. The pool of instances is sized for them.
    pub limits: Limits,
    /// What all plugins together may use.
    pub engine: EngineSettings,
    /// Attempts of jobs at a time, in addition to `engine.host_runs_max`.
    pub jobs_max: usize,
}
