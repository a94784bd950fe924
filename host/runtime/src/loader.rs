//! From a file to a version that can serve: read, hash, check, compile, link, set up.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hayrick_capabilities::guest_state::GuestState;
use hayrick_capabilities::linker::linker;
use hayrick_capabilities::plugin_share::PluginShare;
use hayrick_capabilities::reached_limits::ReachedLimits;
use hayrick_capabilities::run_context::RunContext;
use hayrick_capabilities::services::Services;
use hayrick_types::clock::{milliseconds, since_epoch};
use hayrick_types::hex;
use hayrick_types::id::RunId;
use hayrick_types::pipeline;
use hayrick_types::policy::{Interface, Policy};
use hayrick_types::settings::limits::Limits;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::compile::compiler::Compiler;
use crate::compile::error::CompileError;
use crate::cpu_meter::turns;
use crate::error::DeployError;
use crate::grant_check::check_grants;
use crate::instance::Run;
use crate::shape::{Shape, shape};
use crate::trap::limit_of_shape;
use crate::version::{Version, unread_response};
use crate::warm::{IDLE_MAX, WarmPool};

/// A file's bytes and their name.
pub(crate) struct Bytes {
    pub(crate) content: Vec<u8>,
    /// SHA-256 in hex.
    pub(crate) digest: String,
}

/// What is to become a version.
pub(crate) struct Candidate {
    pub(crate) bytes: Bytes,
    pub(crate) number: u64,
    pub(crate) policy: Arc<Policy>,
    /// What the version before it asked for, if there ever was one.
    pub(crate) asked_before: Option<BTreeSet<Interface>>,
    pub(crate) share: Arc<PluginShare>,
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
    engine: Engine,
    compiler: Compiler,
    linker: Linker<GuestState>,
    services: Services,
    /// Places of idle instances.
    idle: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// Reads a file, bounded.
///
/// # Errors
/// It cannot be read, is too large, or is plainly no component.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Bytes, DeployError> {
    // Without waiting: a pipe that took the file's place since it was listed would never open.
    let mut file = std::fs::File::from(
        rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(io::Error::from)?,
    );
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(DeployError::NoFile);
    }
    let size = metadata.len();
    let max = limits.component_bytes_max;
    if size > max {
        return Err(DeployError::TooLarge { size, max });
    }
    let mut content = Vec::new();
    // The file may grow while it is read.
    file.by_ref()
        .take(max.saturating_add(1))
        .read_to_end(&mut content)?;
    let size = content.len() as u64;
    if size > max {
        return Err(DeployError::TooLarge { size, max });
    }
    let digest = hex::encode(&Sha256::digest(&content));
    Ok(Bytes { content, digest })
}

/// Tells a component by its first eight bytes, so that the author of anything else gets a plain
/// word.
///
/// # Errors
/// Says what it is instead.
pub(crate) fn check_preamble(content: &[u8]) -> Result<(), DeployError> {
    match content {
        [] => Err(DeployError::Empty),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(DeployError::CoreModule),
        [0, b'a', b's', b'm', ..] => Ok(()),
        _ => Err(DeployError::NoWasm),
    }
}

impl Loader {
    /// A loader for one engine.
    ///
    /// # Errors
    /// The host's own interfaces clash: a bug.
    pub(crate) fn new(
        engine: Engine,
        compiler: Compiler,
        services: Services,
    ) -> wasmtime::Result<Loader> {
        let linker = linker(&engine)?;
        let threads = tokio::runtime::Handle::current().metrics().num_workers();
        let idle = Arc::new(Semaphore::new(IDLE_MAX));
        Ok(Loader {
            engine,
            compiler,
            linker,
            services,
            idle,
            turns: turns(threads),
        })
    }

    /// The engine, for the ticker and for `inspect`.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes a version of `bytes` that has passed its `setup`.
    ///
    /// # Errors
    /// Why it must not serve.
    pub(crate) async fn load(
        self: &Arc<Self>,
        name: &str,
        candidate: Candidate,
    ) -> Result<Version, DeployError> {
        let Candidate {
            bytes: Bytes { content, digest },
            number,
            policy,
            asked_before,
            share,
        } = candidate;
        let size_bytes = content.len() as u64;
        let compiled = self.compiled(content).await?;
        check_grants(name, &compiled.shape.asked, &policy, asked_before.as_ref())?;
        let status = pipeline::Version {
            digest,
            number,
            size_bytes,
            deployed_at: 0,
            compile_ms: compiled.compile_ms,
            from_cache: compiled.from_cache,
            setup_ms: 0,
            exports: compiled.shape.exports.clone(),
            imports: compiled.shape.imports.clone(),
        };
        let unread = unread_response(&policy.limits);
        let warm = WarmPool::new(policy.instance, &self.idle);
        let version = Version {
            instance_pre: compiled.instance_pre,
            shape: compiled.shape,
            policy,
            status,
            turns: Arc::clone(&self.turns),
            warm,
            unread,
        };
        self.set_up(name, version, share).await
    }

    async fn compiled(self: &Arc<Self>, content: Vec<u8>) -> Result<Compiled, DeployError> {
        let start = Instant::now();
        check_preamble(&content)?;
        let ready = self.compiler.component(&content).await.map_err(named)?;
        let loader = Arc::clone(self);
        let linked = tokio::task::spawn_blocking(move || loader.link(&ready.component)).await;
        let (shape, instance_pre) = linked.unwrap_or_else(|panicked| {
            Err(DeployError::Setup(format!("linking failed: {panicked}")))
        })?;
        Ok(Compiled {
            instance_pre,
            shape,
            compile_ms: milliseconds(start.elapsed()),
            from_cache: ready.from_cache,
        })
    }

    fn link(&self, component: &Component) -> Result<(Shape, InstancePre<GuestState>), DeployError> {
        let shape = shape(self.engine(), component)?;
        let instance_pre = self
            .linker
            .instantiate_pre(component)
            .map_err(DeployError::Link)?;
        Ok((shape, instance_pre))
    }

    /// Runs `setup` once on an instance of its own: a version that cannot be set up never serves.
    async fn set_up(
        &self,
        name: &str,
        version: Version,
        share: Arc<PluginShare>,
    ) -> Result<Version, DeployError> {
        let start = Instant::now();
        let version = Arc::new(version);
        let policy = Arc::clone(&version.policy);
        let budget = self.services.budgets.begin(name, &policy.models);
        let context = RunContext {
            id: RunId::fresh(),
            pipeline: name.into(),
            policy,
            budget,
            limits: ReachedLimits::new(Arc::clone(&share)),
            share,
            recorder: None,
            attempt: None,
        };
        let run = Run {
            context,
            version: Arc::clone(&version),
            services: self.services.clone(),
        };
        run.setup()
            .await
            .map_err(|failure| DeployError::Setup(failure.one_line()))?;
        let mut version = Arc::into_inner(version)
            .ok_or_else(|| DeployError::Setup("its instance is still running".to_owned()))?;
        version.status.setup_ms = milliseconds(start.elapsed());
        version.status.deployed_at = since_epoch().as_secs();
        Ok(version)
    }
}

/// Gives a refusal the name of the limit it is due to, where the pool of instances found it.
fn named(error: CompileError) -> DeployError {
    match error {
        CompileError::Load(error) => match limit_of_shape(&error) {
            Some(limit) => DeployError::Limit { limit, error },
            None => CompileError::Load(error).into(),
        },
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_file_is_refused_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.wasm");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            assert!(
                matches!(read(path, &Limits::default()), Err(DeployError::NoFile)),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn a_file_that_is_no_component_is_told_what_it_is() {
        let cases: [(&[u8], &str); 3] = [
            (b"", "empty"),
            (b"#!/bin/sh", "no WebAssembly"),
            (b"\0asm\x01\0\0\0", "core module"),
        ];
        for (content, word) in cases {
            assert!(
                check_preamble(content)
                    .unwrap_err()
                    .to_string()
                    .contains(word),
                "{word}"
            );
        }
        assert!(check_preamble(b"\0asm\x0d\0\x01\0").is_ok());
    }
}
