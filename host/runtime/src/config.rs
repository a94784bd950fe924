//! What the runtime needs to start.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use hayrick_types::id::PipelineName;
use hayrick_types::limits::Limits;
use hayrick_types::policy::Policy;

use crate::compile::limits::CompileLimits;

/// Whether to reset instances by asking the kernel which pages are dirty (`PAGEMAP_SCAN`): two to
/// four times as many fresh instances a second.
///
/// The kernel does not report dirty pages that were swapped out, so one run could see another's
/// data: `Auto` uses it only where no swap is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagemapScan {
    /// Where the kernel can and no swap is on at start.
    Auto,
    Off,
}

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
    /// Bytes of all that is kept there.
    pub cache_bytes_max: u64,
    /// The program that compiles, with its hidden command `compile`: this one.
    pub compiler: PathBuf,
    /// What one compilation may use.
    pub compile: CompileLimits,
    /// What each plugin is granted.
    pub policies: Arc<dyn Policies>,
    /// The file of what each plugin's last version asked for.
    pub approvals: PathBuf,
    /// The limits of a plugin that has none of its own: what the pool of instances is laid out for.
    pub limits: Limits,
    /// Runs of all plugins at a time.
    pub host_runs_max: usize,
    /// Linear memory of all runs of all plugins together.
    pub host_memory_bytes_max: usize,
    /// Stack of a guest, in bytes.
    pub stack_bytes_max: usize,
    /// Attempts of jobs at a time, beside those runs.
    pub jobs_max: usize,
    pub pagemap_scan: PagemapScan,
}
