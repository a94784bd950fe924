//! What compiling a stranger's component may cost, of `[engine]`, and what a component may have:
//! `[component]`.

use std::io::Write;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use hayrick_runtime::compile::bounds::ComponentBounds;
use hayrick_runtime::compile::child;
use hayrick_runtime::compile::limits::CompileLimits;

use crate::section::Section;

/// Compiled code that is kept, all of it.
const CACHE_BYTES_MAX_DEFAULT: u64 = 4 << 30;
/// Below this the compiler does not even start.
const MEMORY: RangeInclusive<u64> = 64 << 20..=1 << 40;
const TIME: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);
/// The kernel counts whole seconds.
const CPU_TIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
const SIZE: RangeInclusive<u64> = 1 << 10..=1 << 40;
const PARTS: RangeInclusive<u64> = 1..=1_000_000;

/// This program, even if another has taken its path since it started.
pub fn own_program() -> PathBuf {
    // The kernel's own name for it; elsewhere the path has to do.
    let by_kernel = PathBuf::from("/proc/self/exe");
    if by_kernel.exists() {
        by_kernel
    } else {
        std::env::current_exe().unwrap_or(by_kernel)
    }
}

/// The process that compiles one component, from stdin to `out`; gives its exit code.
///
/// # Errors
/// Something other than the component is wrong.
pub fn compile(order: &str, out: &mut impl Write) -> anyhow::Result<u8> {
    child::run(order, out).context("nothing is compiled")
}

/// The keys of `[engine]` about compiling, and the bytes the cache may have; the bounds are
/// `[component]`'s.
pub fn read_compile(section: &mut Section) -> (CompileLimits, u64) {
    let default = CompileLimits::default();
    let limits = CompileLimits {
        compile_memory_bytes_max: section.size(
            "compile_memory_bytes_max",
            default.compile_memory_bytes_max,
            MEMORY,
        ),
        compile_cpu_time_max: section.duration(
            "compile_cpu_time_max",
            default.compile_cpu_time_max,
            CPU_TIME,
        ),
        compile_time_max: section.duration("compile_time_max", default.compile_time_max, TIME),
        artifact_bytes_max: section.size("artifact_bytes_max", default.artifact_bytes_max, SIZE),
        bounds: default.bounds,
    };
    (
        limits,
        section.size("cache_bytes_max", CACHE_BYTES_MAX_DEFAULT, SIZE),
    )
}

/// Reads `[component]`; what is absent keeps its default.
pub fn read_bounds(section: &mut Section) -> ComponentBounds {
    let default = ComponentBounds::default();
    ComponentBounds {
        nesting_max: section.count("nesting_max", default.nesting_max, 1..=1000),
        components_max: section.count("components_max", default.components_max, PARTS),
        modules_max: section.count("modules_max", default.modules_max, PARTS),
        functions_max: section.count("functions_max", default.functions_max, PARTS),
        function_bytes_max: section.size(
            "function_bytes_max",
            default.function_bytes_max,
            1..=8 << 20,
        ),
        types_max: section.count("types_max", default.types_max, PARTS),
        imports_max: section.count("imports_max", default.imports_max, PARTS),
        exports_max: section.count("exports_max", default.exports_max, PARTS),
        name_bytes_max: section.size("name_bytes_max", default.name_bytes_max, 1..=64 << 10),
    }
}
