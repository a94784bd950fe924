//! What the runtime needs to start.

use std::path::PathBuf;

use host_types::limits::Limits;

/// Whether to reset instances by asking the kernel which pages are dirty (`PAGEMAP_SCAN`): two to four times as many fresh instances a second.
///
/// The kernel does not report dirty pages that were swapped out, so one run could see another's data: `Auto` uses it only where no swap is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagemapScan {
    /// Where the kernel can and no swap is on at start.
    Auto,
    Off,
}

/// What the runtime needs to start.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// Where the `.wasm` files are; created if it is not there.
    pub plugins_dir: PathBuf,
    /// Where compiled code is kept between starts; private to this user. Native code is loaded from it.
    pub cache_dir: PathBuf,
    /// Limits of every plugin.
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
