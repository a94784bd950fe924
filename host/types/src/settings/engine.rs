//! `[engine]`: what the whole host may use, and what compiling one component may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

keywords! {
    /// Whether to reset instances by asking the kernel which pages are dirty (`PAGEMAP_SCAN`): two
    /// to four times as many fresh instances a second.
    ///
    /// The kernel does not report dirty pages that were swapped out, so one run could see another's
    /// data: `Auto` uses it only where no swap is on.
    pub enum PagemapScan {
        /// Where the kernel can and no swap is on at start.
        Auto = "auto",
        Off = "off",
    }
}

/// Hands the tables of `[engine]` on.
macro_rules! engine_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// What the whole host may use.
        #[derive(Copy)]
        pub struct EngineSettings in "engine" named "" {
            /// Runs of all plugins at a time.
            // With more, the addresses they reserve outgrow the 47 bits a process has.
            host_runs_max: usize as count = 4096, in 1 ..= 16_384, limit HostRunsMax;
            /// Linear memory of all runs of all plugins together.
            host_memory_bytes_max: usize as bytes = 3 << 30, in 1 << 20 ..= 1 << 46,
                page "three quarters of the memory of the machine or its control group",
                limit HostMemoryBytesMax;
            /// Stack of a guest. The host's functions have 1 MiB more on the same fiber.
            // wasmtime's default is half of it, and CPython recurses.
            stack_bytes_max: usize as bytes = 1 << 20, in 64 << 10 ..= 16 << 20,
                limit StackBytesMax;
            /// Whether instances are reset with the help of `PAGEMAP_SCAN`, which is two to four
            /// times as fast: `auto` uses it where the kernel has it and no swap is on.
            pagemap_scan: PagemapScan as keyword = "auto";
            /// Compiled code that is kept, all of it; what was used longest ago goes first.
            cache_bytes_max: u64 as bytes = 4 << 30, in 1 << 10 ..= 1 << 40;
        }

        /// What one compilation may use. The process that compiles limits its own memory and
        /// computing time; the host enforces the rest.
        #[derive(Serialize, Deserialize)]
        pub struct CompileLimits in "engine" named "" {
            /// Memory of the process that compiles one component.
            // Below the range the compiler does not even start.
            compile_memory_bytes_max: u64 as bytes = 2 << 30, in 64 << 20 ..= 1 << 40,
                limit CompileMemoryBytesMax;
            /// Computing time of one compilation, all its threads together; whole seconds count.
            compile_cpu_time_max: Duration as duration = Duration::from_secs(120),
                in Duration::from_secs(1) ..= Duration::from_hours(24), limit CompileCpuTimeMax;
            /// Time of one compilation from start to end.
            compile_time_max: Duration as duration = Duration::from_secs(300),
                in Duration::from_millis(100) ..= Duration::from_hours(24), limit CompileTimeMax;
            /// Bytes of the code that one compilation makes.
            artifact_bytes_max: u64 as bytes = 512 << 20, in 1 << 10 ..= 1 << 40,
                limit ArtifactBytesMax;
        }
    } };
}

engine_table!(settings);
