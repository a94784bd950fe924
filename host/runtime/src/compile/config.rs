//! What one compilation may use, and what a component may have.

use hayrick_types::settings::component::ComponentBounds;
use hayrick_types::settings::engine::CompileLimits;
use serde::{Deserialize, Serialize};

/// What bounds one compilation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CompileConfig {
    /// Memory, time and size. The process that compiles sets the first two on itself.
    pub limits: CompileLimits,
    /// Parts of a component, counted before it is compiled.
    pub bounds: ComponentBounds,
}
