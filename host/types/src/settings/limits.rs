//! `[limits]`: what the runs of one plugin may use, within what the sandbox can hold.

use std::time::Duration;

use crate::settings::ranges::TIMES;

/// Hands the table of `[limits]` on.
macro_rules! limits_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Limits of a plugin's runs; per run unless the name says otherwise.
        pub struct Limits in "limits" named "" {
            /// Linear memory of a run, all its memories together.
            memory_bytes_max: usize as bytes = 256 << 20, in 64 << 10 ..= 4 << 30,
                limit MemoryBytesMax;
            /// Linear memory of all runs of the plugin together; past it a run fails with 429.
            // As many as 16 runs at their own limit, or 256 of CPython's at 16 MiB.
            plugin_memory_bytes_max: usize as bytes = 4 << 30, in 64 << 10 ..= 1 << 44,
                limit PluginMemoryBytesMax;
            /// Time the guest computes; time it waits does not count. A job's attempt has its own
            /// timeout instead.
            cpu_time_max: Duration as duration = Duration::from_secs(10), in TIMES,
                limit CpuTimeMax;
            /// Time from start to end, waiting included. A job's attempt has its own timeout
            /// instead.
            wall_time_max: Duration as duration = Duration::from_secs(300), in TIMES,
                limit WallTimeMax;
            /// Text of one answer.
            output_bytes_max: usize as bytes = 64 << 20, in 1 ..= 4 << 30, limit OutputBytesMax;
            /// Text of one chunk of an answer.
            chunk_bytes_max: usize as bytes = 1 << 20, in 1 ..= 4 << 30, limit ChunkBytesMax;
            /// Chunks of an answer that wait for a slow client (and 1 MiB of text); then the guest
            /// waits.
            // A client that reads at all takes more than this with one read.
            channel_items_max: usize as count = 64, in 1 ..= 65_536, limit ChannelItemsMax;
            /// Runs of the plugin at a time.
            plugin_runs_max: usize as count = 256, in 1 ..= 16_384, limit PluginRunsMax;
            /// Runs of the plugin that wait for a place; one more is refused with 429. With 0,
            /// nobody waits.
            plugin_queue_max: usize as count = 256, in 0 ..= 65_536, limit PluginQueueMax;
            /// How long a run waits for a place before it is refused with 429.
            queue_time_max: Duration as duration = Duration::from_secs(10), in TIMES,
                limit QueueTimeMax;
            /// Time `setup` may take at a deploy, waiting included.
            setup_time_max: Duration as duration = Duration::from_secs(30), in TIMES,
                limit SetupTimeMax;
            /// Lines a run may log; the rest is dropped.
            log_lines_max: u32 as count = 1000, in 0 ..= 1_000_000, limit LogLinesMax;
            /// Bytes of one logged line; the rest is cut off.
            log_line_bytes_max: usize as bytes = 8 << 10, in 1 ..= 1 << 20, limit LogLineBytesMax;
            /// Lines all runs of the plugin may log in a second; the rest is dropped.
            // What a disk and a terminal take without noticing.
            log_lines_per_second_max: u32 as count = 1000, in 1 ..= 1_000_000,
                limit LogLinesPerSecondMax;
            /// Bytes of the `.wasm` file.
            component_bytes_max: u64 as bytes = 128 << 20, in 1 ..= 2 << 30,
                limit ComponentBytesMax;
            /// Bytes a guest hands to the host in one call.
            // The largest request body as messages to a model, and a quarter for the records
            // around it.
            host_call_bytes_max: usize as bytes = 40 << 20, in 64 << 10 ..= 1 << 30,
                limit HostCallBytesMax;
            /// Calls of host functions that a run has waiting at a time.
            // A batch of a thousand questions asked at once.
            host_calls_max: usize as count = 1024, in 1 ..= 65_536, limit HostCallsMax;
            /// Bytes that the host holds for a run in waiting calls: texts, values, documents.
            // One call at its limit beside another, or a thousand of 64 KiB.
            host_bytes_max: usize as bytes = 64 << 20, in 64 << 10 ..= 4 << 30, limit HostBytesMax;
            /// Handles of the component model that a run holds at a time: resources, waiting calls
            /// and the sets they wait in.
            // A waiting call takes two or three of them.
            handles_max: usize as count = 4096, in 16 ..= 100_000, limit HandlesMax;
            /// Host resources that a run holds at a time: generations, files, WASI's streams and
            /// pollables.
            resources_max: usize as count = 4096, in 1 ..= 100_000, limit ResourcesMax;
            /// Core instances of a run.
            // CPython's component has about forty.
            instances_max: usize as count = 200, in 1 ..= 10_000, limit InstancesMax;
            /// Linear memories of a run. Each takes one of the host's places for them; there are as
            /// many places as runs.
            // One is what a component has that is not put together from others.
            memories_max: usize as count = 4, in 1 ..= 100, limit MemoriesMax;
            /// Tables of a run.
            // CPython's shared libraries share one, a language runtime may have a few.
            tables_max: usize as count = 16, in 1 ..= 1000, limit TablesMax;
            /// Elements of all tables of a run together.
            // CPython's largest table has some 10,000.
            table_elements_max: usize as count = 100_000, in 1 ..= 1_000_000,
                limit TableElementsMax;
        }
    } };
}

limits_table!(settings);
