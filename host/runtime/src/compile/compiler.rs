//! Gets the code of a component from the cache, or compiles it in a separate process.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compile::cache::SealedCache;
use crate::compile::config::CompileConfig;
use crate::compile::error::CompileError;
use crate::compile::process;
use crate::compile::seal::Subject;
use crate::compile::settings::fingerprint;

/// Components compiled at a time. A slow one (CPython takes seconds) must not delay a small one,
/// and each compilation uses several threads.
const COMPILATIONS_MAX: usize = 2;

/// The compiler of one engine.
pub(crate) struct Compiler {
    engine: Engine,
    fingerprint: [u8; 32],
    program: PathBuf,
    config: CompileConfig,
    cache: Option<Arc<SealedCache>>,
    places: Semaphore,
}

/// A compiled component.
pub(crate) struct Ready {
    pub(crate) component: Component,
    /// Whether its code came from the cache.
    pub(crate) from_cache: bool,
}

impl Compiler {
    /// Creates a compiler that runs `program` and stores the code in `cache`.
    pub(crate) fn new(
        engine: Engine,
        program: PathBuf,
        config: CompileConfig,
        cache: Option<SealedCache>,
    ) -> Compiler {
        let fingerprint = fingerprint(&engine, &config.bounds);
        let places = Semaphore::new(COMPILATIONS_MAX);
        Compiler {
            engine,
            fingerprint,
            program,
            config,
            cache: cache.map(Arc::new),
            places,
        }
    }

    /// Compiles a component, or gets it from the cache. Dropping the future ends the compiler
    /// process.
    ///
    /// # Errors
    /// The bytes are not a valid component, or a limit was reached.
    pub(crate) async fn component(&self, content: &[u8]) -> Result<Ready, CompileError> {
        let subject = Subject {
            component: Sha256::digest(content).into(),
            engine: self.fingerprint,
        };
        if let Some(component) = self.cached(subject).await {
            return Ok(Ready {
                component,
                from_cache: true,
            });
        }
        // The semaphore is never closed, so this cannot fail.
        let _place = self.places.acquire().await;
        let artifact = process::compile(&self.program, &self.config, content).await?;
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let load = move || {
            let component = artifact.load(&engine).map_err(CompileError::Load)?;
            if let Some(cache) = cache {
                cache.put(&subject, &artifact);
            }
            Ok(component)
        };
        let component = blocking(load).await??;
        Ok(Ready {
            component,
            from_cache: false,
        })
    }

    async fn cached(&self, subject: Subject) -> Option<Component> {
        let (engine, cache) = (self.engine.clone(), self.cache.clone()?);
        let load = move || {
            let artifact = cache.get(&subject)?;
            let loaded = artifact.load(&engine);
            loaded
                .inspect_err(|error| {
                    tracing::warn!("discarding cached code: {error:#}; compiling it again");
                    cache.forget(&subject);
                })
                .ok()
        };
        blocking(load).await.ok().flatten()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CompileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| CompileError::Crashed {
        how: error.to_string(),
    })
}
