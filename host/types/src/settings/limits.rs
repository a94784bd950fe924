//! `[limits]`: what the runs of one plugin may use, within what the sandbox can hold.

use std::time::Duration;

use crate::settings::ranges::TIMES;

/// Passes the table of `[limits]` to the next macro.
macro_rules! limits_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Limits of a plugin's runs; they apply per run unless the description says otherwise.
        pub struct Limits in "limits" named "" {
            /// Maximum linear memory of a run, all its memories together.
            memory_bytes_max: usize as bytes = 256 << 20, in 64 << 10 ..= 4 << 30,
                limit MemoryBytesMax;
            /// Maximum linear memory of all runs of the plugin together; a run that needs more
            /// fails with 429.
            // On a machine with 16 GB, enough for 24 runs at their own limit, or 380 runs of CPython
            // at 16 MiB.
            plugin_memory_bytes_max: usize as bytes = 4 << 30, in 64 << 10 ..= 1 << 44,
                page "half of `host_memory_bytes_max`", limit PluginMemoryBytesMax;
            /// Maximum time a run may compute; waiting does not count. Attempts of jobs use the
            /// timeout of the job instead.
            cpu_time_max: Duration as duration = Duration::from_secs(10), in TIMES,
                limit CpuTimeMax;
            /// Maximum duration of a run, waiting included. Attempts of jobs use the timeout of the
            /// job instead.
            wall_time_max: Duration as duration = Duration::from_secs(300), in TIMES,
                limit WallTimeMax;
            /// Maximum size of the text of an answer.
            output_bytes_max: usize as bytes = 64 << 20, in 1 ..= 4 << 30, limit OutputBytesMax;
            /// Maximum size of the text of one chunk of an answer.
            chunk_bytes_max: usize as bytes = 1 << 20, in 1 ..= 4 << 30, limit ChunkBytesMax;
            /// Chunks of an answer that are buffered for a slow client (and at most 1 MiB of text);
            /// then the guest waits.
            // A client that reads at all takes more than this in one read.
            channel_items_max: usize as count = 64, in 1 ..= 65_536, limit ChannelItemsMax;
            /// Maximum number of concurrent runs of the plugin. Fewer run if their memory at the start
            /// would exceed `plugin_memory_bytes_max`.
            // A quarter of those of the host. Most of them wait for a model.
            plugin_runs_max: usize as count = 1024, in 1 ..= 16_384, limit PluginRunsMax;
            /// Maximum number of runs of the plugin that wait for a free slot; further ones are
            /// refused with 429. With 0, no run waits.
            plugin_queue_max: usize as count = 1024, in 0 ..= 65_536, limit PluginQueueMax;
            /// How long a run waits for a free slot before it is refused with 429.
            queue_time_max: Duration as duration = Duration::from_secs(10), in TIMES,
                limit QueueTimeMax;
            /// Maximum duration of `setup` during a deploy, waiting included.
            setup_time_max: Duration as duration = Duration::from_secs(30), in TIMES,
                limit SetupTimeMax;
            /// Maximum number of lines a run may log; the rest is dropped.
            log_lines_max: u32 as count = 1000, in 0 ..= 1_000_000, limit LogLinesMax;
            /// Maximum length of a logged line; the rest is cut off.
            log_line_bytes_max: usize as bytes = 8 << 10, in 1 ..= 1 << 20, limit LogLineBytesMax;
            /// Maximum number of lines per second that all runs of the plugin may log together; the
            /// rest is dropped.
            // A disk and a terminal handle this easily.
            log_lines_per_second_max: u32 as count = 1000, in 1 ..= 1_000_000,
                limit LogLinesPerSecondMax;
            /// Maximum size of the `.wasm` file.
            component_bytes_max: u64 as bytes = 128 << 20, in 1 ..= 2 << 30,
                limit ComponentBytesMax;
            /// Maximum size of the arguments a guest passes to the host in one call.
            // The largest request body as messages to a model, plus a quarter for the records
            // around it.
            host_call_bytes_max: usize as bytes = 40 << 20, in 64 << 10 ..= 1 << 30,
                limit HostCallBytesMax;
            /// Maximum number of pending calls of host functions in a run.
            // Enough for a batch of a thousand concurrent questions.
            host_calls_max: usize as count = 1024, in 1 ..= 65_536, limit HostCallsMax;
            /// Maximum size of the data that the host holds for pending calls of a run: texts,
            /// values, documents.
            // The largest call of a model, which counts with the body that is made of it, or a
            // thousand calls of 48 KiB.
            host_bytes_max: usize as bytes = 96 << 20, in 64 << 10 ..= 4 << 30, limit HostBytesMax;
            /// Maximum number of component model handles that a run holds: resources, pending calls
            /// and waitable sets.
            // A pending call takes two or three of them.
            handles_max: usize as count = 4096, in 16 ..= 100_000, limit HandlesMax;
            /// Maximum number of host resources that a run holds: generations, files, WASI streams
            /// and pollables.
            resources_max: usize as count = 4096, in 1 ..= 100_000, limit ResourcesMax;
            /// Maximum number of core instances of a run.
            // CPython's component has about forty.
            instances_max: usize as count = 200, in 1 ..= 10_000, limit InstancesMax;
            /// Maximum number of linear memories of a run. Each takes one of the host's memory
            /// slots; there are twice as many slots as runs (`host_runs_max`).
            // A component that is not composed of others has one.
            memories_max: usize as count = 4, in 1 ..= 100, limit MemoriesMax;
            /// Maximum number of tables of a run.
            // CPython's shared libraries share one, a language runtime may have a few.
            tables_max: usize as count = 16, in 1 ..= 1000, limit TablesMax;
            /// Maximum number of calls between the components of a run that are suspended at a time.
            /// Each keeps a stack.
            // A component that is not composed of others has one or two.
            suspended_calls_max: usize as count = 16, in 2 ..= 1000, limit SuspendedCallsMax;
            /// Maximum number of suspended calls of all runs of the plugin together; the first two
            /// of each run do not count.
            plugin_suspended_calls_max: usize as count = 256, in 0 ..= 16_384,
                limit PluginSuspendedCallsMax;
            /// Maximum number of elements in all tables of a run together.
            // CPython's largest table has some 10,000.
            table_elements_max: usize as count = 100_000, in 1 ..= 1_000_000,
                limit TableElementsMax;
        }
    } };
}

limits_table!(settings);
