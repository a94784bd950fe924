//! What one compilation may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::compile::bounds::ComponentBounds;

/// Bounds of one compilation. The process that compiles sets those of memory and computing on
/// itself; the host holds it to the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// Memory that the process can write to.
    pub compile_memory_bytes_max: u64,
    /// Computing of all its threads together; the kernel counts whole seconds.
    pub compile_cpu_time_max: Duration,
    /// From its start to its end.
    pub compile_time_max: Duration,
    /// Bytes of the code it makes.
    pub artifact_bytes_max: u64,
    /// What a component may have, counted before it is compiled.
    pub bounds: ComponentBounds,
}

impl Default for CompileLimits {
    fn default() -> CompileLimits {
        CompileLimits {
            compile_memory_bytes_max: 2 << 30,
            compile_cpu_time_max: Duration::from_secs(120),
            compile_time_max: Duration::from_secs(300),
            artifact_bytes_max: 512 << 20,
            bounds: ComponentBounds::default(),
        }
    }
}
