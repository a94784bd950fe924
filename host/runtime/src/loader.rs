//! From a file to a version that can serve: read, hash, check, compile, link, set up.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use host_capabilities::guest_state::GuestState;
use host_capabilities::linker::linker;
use host_capabilities::plugin_share::PluginShare;
use host_capabilities::run_context::RunContext;
use host_capabilities::services::Services;
use host_types::id::RunId;
use host_types::limits::Limits;
use host_types::pipeline;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::cpu_meter::turns;
use crate::engine::HostEngine;
use crate::error::DeployError;
use crate::instance::Run;
use crate::shape::{Shape, shape};
use crate::trap::limit_of_shape;
use crate::version::{Version, unread_response};

/// Components compiled at a time: one slow one (CPython takes seconds) must not hold up a small one, and compiling is parallel in itself.
const COMPILATIONS_MAX: usize = 2;

/// A file's bytes and their name.
pub(crate) struct Bytes {
    pub(crate) content: Vec<u8>,
    /// SHA-256 in hex.
    pub(crate) digest: String,
}

/// A compiled and linked component.
struct Compiled {
    instance_pre: InstancePre<GuestState>,
    shape: Shape,
    compile_ms: u64,
    from_cache: bool,
}

/// Makes versions.
pub(crate) struct Loader {
    engine: HostEngine,
    linker: Linker<GuestState>,
    limits: Limits,
    services: Services,
    compilations: Semaphore,
    turns: Arc<Semaphore>,
}

/// Reads a file, bounded.
///
/// # Errors
/// It cannot be read, is too large, or is plainly no component.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Bytes, DeployError> {
    let mut file = std::fs::File::open(path)?;
    let size = file.metadata()?.len();
    let max = limits.component_bytes_max;
    if size > max {
        return Err(DeployError::TooLarge { size, max });
    }
    let mut content = Vec::new();
    // The file may grow while it is read.
    file.by_ref().take(max.saturating_add(1)).read_to_end(&mut content)?;
    let size = content.len() as u64;
    if size > max {
        return Err(DeployError::TooLarge { size, max });
    }
    let digest = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Bytes { content, digest })
}

/// Tells a component by its first eight bytes, so that the author of anything else gets a plain word.
fn check_preamble(content: &[u8]) -> Result<(), DeployError> {
    match content {
        [] => Err(DeployError::Empty),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(DeployError::CoreModule),
        [0, b'a', b's', b'm', ..] => Ok(()),
        _ => Err(DeployError::NoWasm),
    }
}

/// Compiles a component, or loads it from the compile cache.
///
/// # Errors
/// It is none, or not a valid one.
pub(crate) fn compile(engine: &wasmtime::Engine, content: &[u8]) -> Result<Component, DeployError> {
    check_preamble(content)?;
    Component::from_binary(engine, content).map_err(|error| match limit_of_shape(&error) {
        Some(limit) => DeployError::Limit { limit, error },
        None => DeployError::Invalid(error),
    })
}

impl Loader {
    /// A loader for one engine.
    ///
    /// # Errors
    /// The host's own interfaces clash: a bug.
    pub(crate) fn new(engine: HostEngine, limits: Limits, services: Services) -> wasmtime::Result<Loader> {
        let linker = linker(&engine.engine)?;
        let threads = tokio::runtime::Handle::current().metrics().num_workers();
        Ok(Loader { engine, linker, limits, services, compilations: Semaphore::new(COMPILATIONS_MAX), turns: turns(threads) })
    }

    /// The limits every version gets.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The engine, for the ticker and for `inspect`.
    pub(crate) fn engine(&self) -> &wasmtime::Engine {
        &self.engine.engine
    }

    /// Makes a version of `bytes` that has passed its `setup`.
    ///
    /// # Errors
    /// Why it must not serve.
    pub(crate) async fn load(
        self: &Arc<Self>,
        name: &str,
        bytes: Bytes,
        generation: u64,
        share: Arc<PluginShare>,
    ) -> Result<Version, DeployError> {
        let Bytes { content, digest } = bytes;
        let size_bytes = content.len() as u64;
        let compiled = self.compiled(content).await?;
        let status = pipeline::Version {
            digest,
            generation,
            size_bytes,
            deployed_at: 0,
            compile_ms: compiled.compile_ms,
            from_cache: compiled.from_cache,
            setup_ms: 0,
            exports: compiled.shape.exports.clone(),
            imports: compiled.shape.imports.clone(),
        };
        let unread = unread_response(&self.limits);
        let version = Version {
            instance_pre: compiled.instance_pre,
            shape: compiled.shape,
            limits: self.limits.clone(),
            status,
            turns: Arc::clone(&self.turns),
            unread,
        };
        self.set_up(name, version, share).await
    }

    async fn compiled(self: &Arc<Self>, content: Vec<u8>) -> Result<Compiled, DeployError> {
        let _turn = self.compilations.acquire().await;
        let loader = Arc::clone(self);
        let compiled = tokio::task::spawn_blocking(move || loader.compile_and_link(&content)).await;
        compiled.unwrap_or_else(|panicked| Err(DeployError::Setup(format!("the compiler failed: {panicked}"))))
    }

    fn compile_and_link(&self, content: &[u8]) -> Result<Compiled, DeployError> {
        let start = Instant::now();
        let hits = self.engine.cache.cache_hits();
        let component = compile(self.engine(), content)?;
        // Another compilation at the same moment may be the one that hit: this is a hint for people, nothing depends on it.
        let from_cache = self.engine.cache.cache_hits() > hits;
        let shape = shape(self.engine(), &component)?;
        let instance_pre = self.linker.instantiate_pre(&component).map_err(DeployError::Link)?;
        Ok(Compiled { instance_pre, shape, compile_ms: milliseconds(start), from_cache })
    }

    /// Runs `setup` once on an instance of its own: a version that cannot be set up never serves.
    async fn set_up(&self, name: &str, version: Version, share: Arc<PluginShare>) -> Result<Version, DeployError> {
        let start = Instant::now();
        let version = Arc::new(version);
        let context = RunContext { id: RunId::fresh(), pipeline: name.into(), share: Arc::clone(&share), recorder: None, attempt: None };
        let run = Run { context, version: Arc::clone(&version), services: self.services.clone() };
        run.setup().await.inspect_err(|failure| share.count(failure)).map_err(|failure| DeployError::Setup(failure.message))?;
        let mut version = Arc::into_inner(version).ok_or_else(|| DeployError::Setup("its instance is still running".to_owned()))?;
        version.status.setup_ms = milliseconds(start);
        version.status.deployed_at = unix_seconds();
        Ok(version)
    }
}

fn milliseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Unix time in seconds; 0 if the clock stands before 1970.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_component_is_told_what_it_is() {
        let cases: [(&[u8], &str); 3] = [(b"", "empty"), (b"#!/bin/sh", "no WebAssembly"), (b"\0asm\x01\0\0\0", "core module")];
        for (content, word) in cases {
            assert!(check_preamble(content).unwrap_err().to_string().contains(word), "{word}");
        }
        assert!(check_preamble(b"\0asm\x0d\0\x01\0").is_ok());
    }
}
