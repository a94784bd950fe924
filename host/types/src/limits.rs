//! What one plugin may use. Each field has a default, and every one is enforced.

use std::time::Duration;

/// Limits of a plugin's runs; per run unless the name says otherwise. The defaults are the table in ARCHITECTURE.md.
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
        }
    }
}
