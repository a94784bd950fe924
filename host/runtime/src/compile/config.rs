//! The limits of compiling.

use hayrick_types::settings::component::ComponentBounds;
use hayrick_types::settings::engine::CompileLimits;
use serde::{Deserialize, Serialize};

/// The limits of one compilation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CompileConfig {
    /// Memory, time and size. The compiler process applies the first two to itself.
    pub limits: CompileLimits,
    /// How many parts a component may have, counted before it is compiled.
    pub bounds: ComponentBounds,
}
