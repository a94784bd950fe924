//! What one plugin may use. Each field has a default, and every one is enforced.

use std::time::Duration;

/// Limits of a plugin's runs; per run unless the name says otherwise. The defaults are the table in
/// ARCHITECTURE.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of an instance, all its memories together.
    pub memory_bytes_max: usize,
    /// Time the guest is running, not waiting.
    pub cpu_time_max: Duration,
    /// Time from start to end, waiting included.
    pub wall_time_max: Duration,
    /// Text of one answer.
    pub output_bytes_max: usize,
    /// Text of one chunk.
    pub chunk_bytes_max: usize,
    /// Runs of one plugin at a time.
    pub plugin_runs_max: usize,
    /// Runs that wait for a place, a plugin; one more is refused.
    pub plugin_queue_max: usize,
    /// How long a run waits for a place before it is refused.
    pub queue_time_max: Duration,
    /// `setup` at deploy, wall time.
    pub setup_time_max: Duration,
    /// Lines a run may log.
    pub log_lines_max: u32,
    /// Bytes of one logged line; the rest is cut.
    pub log_line_bytes_max: usize,
    /// Bytes of the `.wasm` file.
    pub component_bytes_max: u64,
    /// Linear memory of all runs of the plugin together.
    pub plugin_memory_bytes_max: usize,
    /// Chunks of an answer that wait for a slow client.
    pub channel_items_max: usize,
    /// Bytes a guest hands to the host in one call.
    pub host_call_bytes_max: usize,
    /// Calls of the host's functions that a run has waiting at a time.
    pub host_calls_max: usize,
    /// Bytes that the host holds for a run in those calls: texts, values and documents on their
    /// way.
    pub host_bytes_max: usize,
    /// Handles of the component model that a run holds at a time: resources, calls that wait, sets
    /// they wait in.
    pub handles_max: usize,
    /// Things of the host that a run holds at a time: generations, files, streams and pollables of
    /// WASI.
    pub resources_max: usize,
    /// Core instances of a run.
    pub instances_max: usize,
    /// Linear memories of a run: each takes one of the host's places for them, of which there are
    /// as many as runs.
    pub memories_max: usize,
    /// Tables of a run.
    pub tables_max: usize,
    /// Elements of all tables of a run together.
    pub table_elements_max: usize,
    /// Lines all runs of the plugin may log in a second.
    pub log_lines_per_second_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes_max: 256 << 20,
            cpu_time_max: Duration::from_secs(10),
            wall_time_max: Duration::from_secs(300),
            output_bytes_max: 64 << 20,
            chunk_bytes_max: 1 << 20,
            plugin_runs_max: 256,
            plugin_queue_max: 256,
            queue_time_max: Duration::from_secs(10),
            setup_time_max: Duration::from_secs(30),
            log_lines_max: 1000,
            log_line_bytes_max: 8 << 10,
            component_bytes_max: 128 << 20,
            // As many as 16 runs at their own limit, or 256 of CPython's at 16 MiB.
            plugin_memory_bytes_max: 4 << 30,
            // A client that reads at all takes more than this with one read.
            channel_items_max: 64,
            // The largest request body as messages to a model, and a quarter for the records around
            // it.
            host_call_bytes_max: 40 << 20,
            // A batch of a thousand questions asked at once.
            host_calls_max: 1024,
            // One call at its limit beside another, or a thousand of 64 KiB.
            host_bytes_max: 64 << 20,
            // A waiting call takes two or three of them.
            handles_max: 4096,
            resources_max: 4096,
            // CPython's component has about forty.
            instances_max: 200,
            // One is what a component has that is not put together from others.
            memories_max: 4,
            // CPython's shared libraries share one, a language runtime may have a few.
            tables_max: 16,
            // CPython's largest table has some 10,000.
            table_elements_max: 100_000,
            // What a disk and a terminal take without noticing.
            log_lines_per_second_max: 1000,
        }
    }
}
