//! Native code compiled from a component, and the only place where it becomes callable.

use wasmtime::component::Component;
use wasmtime::{Engine, Precompiled};

/// Bytes that came from our compiler: directly from the compiler process, or from the cache under
/// an intact seal.
pub(crate) struct Artifact(Vec<u8>);

impl Artifact {
    /// Declares that bytes came from our compiler. Only those two sources may call this.
    pub(super) fn from_compiler(bytes: Vec<u8>) -> Artifact {
        Artifact(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the code callable.
    ///
    /// # Errors
    /// It was compiled by another version of wasmtime, or with other settings.
    #[expect(
        unsafe_code,
        reason = "wasmtime has no safe way to load code that another process compiled"
    )]
    pub(super) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        if !matches!(
            Engine::detect_precompiled(&self.0),
            Some(Precompiled::Component)
        ) {
            wasmtime::bail!("it is not a compiled component");
        }
        // SAFETY: the bytes must be the unchanged output of `Engine::precompile_component`. An
        // `Artifact` comes from only two sources: what our own executable wrote to a pipe that we
        // gave it, and a file whose seal was verified over these very bytes in memory, for this
        // component and these settings, with a key that only this user can read.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}
