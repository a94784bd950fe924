//! The keys of `[engine]` about running; those about compiling are in `compile`.

use hayrick_runtime::config::PagemapScan;

use crate::machine::memory_bytes;
use crate::section::Section;

const HOST_RUNS_MAX_DEFAULT: usize = 4096;
/// wasmtime's default is half of it, and CPython recurses.
const STACK_BYTES_MAX_DEFAULT: usize = 1 << 20;

/// What `[engine]` says of running, not of compiling.
pub struct EngineSettings {
    /// Runs of all plugins at a time.
    pub host_runs_max: usize,
    /// Linear memory of all runs together.
    pub host_memory_bytes_max: usize,
    /// Stack of a guest.
    pub stack_bytes_max: usize,
    pub pagemap_scan: PagemapScan,
}

/// Reads those keys of `[engine]`.
pub fn read_engine(section: &mut Section) -> EngineSettings {
    // The rest is for the host itself, for the pages of its files, and for whatever else runs
    // there.
    let memory_default = usize::try_from(memory_bytes() / 4 * 3).unwrap_or(usize::MAX);
    EngineSettings {
        // More places than this and their reserved addresses outgrow the 47 bits a process has.
        host_runs_max: section.count("host_runs_max", HOST_RUNS_MAX_DEFAULT, 1..=16_384),
        host_memory_bytes_max: section.size(
            "host_memory_bytes_max",
            memory_default,
            1 << 20..=1 << 46,
        ),
        stack_bytes_max: section.size(
            "stack_bytes_max",
            STACK_BYTES_MAX_DEFAULT,
            64 << 10..=16 << 20,
        ),
        pagemap_scan: section.word(
            "pagemap_scan",
            PagemapScan::Auto,
            &[("auto", PagemapScan::Auto), ("off", PagemapScan::Off)],
        ),
    }
}
