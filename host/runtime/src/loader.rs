//! Turns a file into a version that can serve: reads, hashes, checks, compiles and links it, and
//! runs its `setup`.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hayrick_capabilities::bindings::exports::hayrick::pipeline::api::Description;
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
use tokio_util::sync::CancellationToken;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::api_description::ApiDescription;
use crate::compile::compiler::Compiler;
use crate::compile::error::CompileError;
use crate::error::DeployError;
use crate::grant_check::check_grants;
use crate::instance::Run;
use crate::shape::{Shape, shape};
use crate::trap::limit_of_shape;
use crate::turns::Turns;
use crate::version::{Version, unread_response};
use crate::warm::{IDLE_MAX, WarmPool};

/// The content of a file and its digest.
pub(crate) struct Bytes {
    pub(crate) content: Vec<u8>,
    /// SHA-256 in hex.
    pub(crate) digest: String,
}

/// A file that may become a version.
pub(crate) struct Candidate {
    pub(crate) bytes: Bytes,
    pub(crate) number: u64,
    pub(crate) policy: Arc<Policy>,
    /// What the previous version asked for, if there was one.
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

/// Loads versions.
pub(crate) struct Loader {
    engine: Engine,
    compiler: Compiler,
    linker: Linker<GuestState>,
    services: Services,
    /// Places of idle instances.
    idle: Arc<Semaphore>,
    turns: Arc<Turns>,
}

/// Reads a file up to the size limit.
///
/// # Errors
/// It cannot be read, is too large, or is not a regular file.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Bytes, DeployError> {
    // NONBLOCK: if a pipe has replaced the file since it was listed, opening it would hang.
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
        return Err(DeployError::NotAFile);
    }
    let size = metadata.len();
    let max = limits.component_bytes_max;
    if size > max {
        return Err(DeployError::TooLarge { size, max });
    }
    let mut content = Vec::new();
    // The file may grow while it is being read.
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

/// Recognizes a component by its first eight bytes, so that the author of any other file gets a
/// clear message.
///
/// # Errors
/// It is not a component. The error says what it is instead.
pub(crate) fn check_preamble(content: &[u8]) -> Result<(), DeployError> {
    match content {
        [] => Err(DeployError::Empty),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(DeployError::CoreModule),
        [0, b'a', b's', b'm', ..] => Ok(()),
        _ => Err(DeployError::NotWasm),
    }
}

impl Loader {
    /// Creates a loader for one engine.
    ///
    /// # Errors
    /// The interfaces of the host conflict, which is a bug.
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
            turns: Turns::new(threads),
        })
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Turns a candidate into a version, and runs its `setup`.
    ///
    /// # Errors
    /// The candidate is refused.
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
            api: None,
            turns: Arc::clone(&self.turns),
            warm,
            withdrawn: CancellationToken::new(),
            unread,
        };
        self.set_up(name, version, share).await
    }

    async fn compiled(self: &Arc<Self>, content: Vec<u8>) -> Result<Compiled, DeployError> {
        let start = Instant::now();
        check_preamble(&content)?;
        let ready = self
            .compiler
            .component(&content)
            .await
            .map_err(name_limit)?;
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

    /// Runs `setup` once, on a new instance. A version whose `setup` fails never serves.
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
        let described = run
            .setup()
            .await
            .map_err(|failure| DeployError::Setup(failure.one_line()))?;
        let api = match described {
            Some(described) => Some(describe(described).await?),
            None => None,
        };
        let mut version = Arc::into_inner(version)
            .ok_or_else(|| DeployError::Setup("its instance is still running".to_owned()))?;
        version.api = api;
        version.status.setup_ms = milliseconds(start.elapsed());
        version.status.deployed_at = since_epoch().as_secs();
        Ok(version)
    }
}

/// Checks a description. Compiling its patterns takes a while.
async fn describe(described: Description) -> Result<Arc<ApiDescription>, DeployError> {
    let check = move || ApiDescription::new(&described);
    let checked = tokio::task::spawn_blocking(check).await;
    let checked = checked.unwrap_or_else(|panicked| {
        Err(DeployError::Description {
            reason: format!("checking it failed: {panicked}"),
            limit: None,
        })
    });
    checked.map(Arc::new)
}

/// Converts a compile error. If the pool of instances refused the component, adds the name of the
/// limit.
fn name_limit(error: CompileError) -> DeployError {
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
    fn anything_but_a_regular_file_is_refused_at_once() {
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
                matches!(read(path, &Limits::default()), Err(DeployError::NotAFile)),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn the_error_for_another_kind_of_file_says_what_it_is() {
        let cases: [(&[u8], &str); 3] = [
            (b"", "empty"),
            (b"#!/bin/sh", "not a WebAssembly"),
            (b"\0asm\x01\0\0\0", "core module"),
        ];
        for (content, fragment) in cases {
            assert!(
                check_preamble(content)
                    .unwrap_err()
                    .to_string()
                    .contains(fragment),
                "{fragment}"
            );
        }
        assert!(check_preamble(b"\0asm\x0d\0\x01\0").is_ok());
    }
}
