//! `[engine]`: what the whole host may use, and what compiling one component may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

keywords! {
    /// Whether to reset instances by asking the kernel which pages are dirty (`PAGEMAP_SCAN`): two
    /// to four times as many fresh instances a second.
    ///
    /// The kernel does not report dirty pages that were swapped out, so one run could see another's
    /// data: `Auto` uses it only where swap is off.
    pub enum PagemapScan {
        /// Where the kernel supports it and swap is off at start.
        Auto = "auto",
        Off = "off",
    }
}

/// Passes the tables of `[engine]` to the next macro.
macro_rules! engine_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// What the whole host may use.
        #[derive(Copy)]
        pub struct EngineSettings in "engine" named "" {
            /// Maximum number of concurrent runs of all plugins.
            // With more, the address space they reserve exceeds the 47 bits of a process.
            host_runs_max: usize as count = 4096, in 1 ..= 16_384, limit HostRunsMax;
            /// Maximum linear memory of all runs of all plugins together.
            host_memory_bytes_max: usize as bytes = 3 << 30, in 1 << 20 ..= 1 << 46,
                page "three quarters of the memory of the machine or of its control group",
                limit HostMemoryBytesMax;
            /// Maximum number of suspended calls of all runs together; the first two of each run do
            /// not count.
            // Four plugins at their own limit.
            host_suspended_calls_max: usize as count = 1024, in 0 ..= 16_384,
                limit HostSuspendedCallsMax;
            /// Maximum stack size of a guest. Host functions have another 1 MiB on the same fiber.
            // Twice wasmtime's default, because CPython recurses.
            stack_bytes_max: usize as bytes = 1 << 20, in 64 << 10 ..= 16 << 20,
                limit StackBytesMax;
            /// Whether to reset instances with `PAGEMAP_SCAN`, which is two to four times as fast.
            /// `auto` uses it where the kernel supports it and swap is off.
            pagemap_scan: PagemapScan as keyword = "auto";
            /// Maximum size of the cache of compiled code; the least recently used code is removed
            /// first.
            cache_bytes_max: u64 as bytes = 4 << 30, in 1 << 10 ..= 1 << 40;
        }

        /// What one compilation may use. The process that compiles limits its own memory and CPU
        /// time; the host enforces the rest.
        #[derive(Serialize, Deserialize)]
        pub struct CompileLimits in "engine" named "" {
            /// Maximum memory of the process that compiles one component.
            // Below the range the compiler does not even start.
            compile_memory_bytes_max: u64 as bytes = 2 << 30, in 64 << 20 ..= 1 << 40,
                limit CompileMemoryBytesMax;
            /// Maximum CPU time of one compilation, all threads together, in whole seconds.
            compile_cpu_time_max: Duration as duration = Duration::from_secs(120),
                in Duration::from_secs(1) ..= Duration::from_hours(24), limit CompileCpuTimeMax;
            /// Maximum duration of one compilation.
            compile_time_max: Duration as duration = Duration::from_secs(300),
                in Duration::from_millis(100) ..= Duration::from_hours(24), limit CompileTimeMax;
            /// Maximum size of the compiled code of one component.
            artifact_bytes_max: u64 as bytes = 512 << 20, in 1 << 10 ..= 1 << 40,
                limit ArtifactBytesMax;
        }
    } };
}

engine_table!(settings);
