//! Native code made of a component, and the one place where it becomes callable.

use wasmtime::component::Component;
use wasmtime::{Engine, Precompiled};

/// Bytes that came from our compiler: fresh from the process that compiled them, or from the cache
/// under an intact seal.
pub(crate) struct Artifact(Vec<u8>);

impl Artifact {
    /// Takes bytes for our compiler's. Only those two sources may say so.
    pub(super) fn of_compiler(bytes: Vec<u8>) -> Artifact {
        Artifact(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the code callable.
    ///
    /// # Errors
    /// It was made by another version of wasmtime, or with other settings.
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
        // SAFETY: the bytes must be what `Engine::precompile_component` made, unchanged. An
        // `Artifact` is made of two things only: what our own executable wrote to a pipe that it
        // got from us, and a file whose seal under a key that only this user can read was found
        // intact over these very bytes in memory, for this component and these settings.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}
