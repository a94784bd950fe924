//! Inspects a component file without running it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hayrick_capabilities::linker::linker;
use hayrick_types::id::PipelineName;
use hayrick_types::policy::Interface;
use hayrick_types::settings::limits::Limits;
use wasmtime::Engine;

use crate::compile::compiler::Compiler;
use crate::compile::config::CompileConfig;
use crate::compile::settings::settings;
use crate::error::{DeployError, RuntimeError};
use crate::loader::{check_preamble, read};
use crate::shape;

/// What `hayrick inspect` shows.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The name of the pipeline it would become.
    pub name: String,
    pub size_bytes: u64,
    /// SHA-256 in hex.
    pub digest: String,
    pub exports: Vec<String>,
    pub imports: Vec<String>,
    /// The imports that need a grant.
    pub asked: BTreeSet<Interface>,
    /// Whether a host could deploy it if its policy allowed everything; if not, why.
    pub deployable: Result<(), String>,
}

/// Reads, compiles and links a file. The program `compiler` (this one) compiles it in a separate
/// process. Must be called inside a tokio runtime.
///
/// # Errors
/// The file cannot be read, or the engine cannot start. Problems of the component are part of the
/// result.
pub async fn inspect(
    path: &Path,
    limits: &Limits,
    compiler: PathBuf,
    compile: CompileConfig,
) -> Result<Inspection, RuntimeError> {
    let engine = Engine::new(&settings()).map_err(RuntimeError::Engine)?;
    let compiler = Compiler::new(engine.clone(), compiler, compile, None);
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let bytes = match read(path, limits) {
        Ok(bytes) => bytes,
        Err(DeployError::Read(source)) => {
            return Err(RuntimeError::Path {
                path: path.to_owned(),
                source,
            });
        }
        Err(error) => {
            let size_bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            return Ok(Inspection {
                name,
                size_bytes,
                digest: String::new(),
                exports: vec![],
                imports: vec![],
                asked: BTreeSet::new(),
                deployable: Err(error.to_string()),
            });
        }
    };
    let mut inspection = Inspection {
        name,
        size_bytes: bytes.content.len() as u64,
        digest: bytes.digest,
        exports: Vec::new(),
        imports: Vec::new(),
        asked: BTreeSet::new(),
        deployable: Ok(()),
    };
    let checked = check(&engine, &compiler, &bytes.content, &mut inspection).await;
    inspection.deployable = checked.map_err(|error| error.to_string());
    Ok(inspection)
}

async fn check(
    engine: &Engine,
    compiler: &Compiler,
    content: &[u8],
    inspection: &mut Inspection,
) -> Result<(), DeployError> {
    check_preamble(content)?;
    let component = compiler.component(content).await?.component;
    inspection.exports = shape::exports(engine, &component);
    inspection.imports = shape::imports(engine, &component);
    inspection.asked = shape::asked(&inspection.imports);
    PipelineName::parse(&inspection.name)?;
    shape::shape(engine, &component)?;
    let linker = linker(engine).map_err(DeployError::Link)?;
    linker
        .instantiate_pre(&component)
        .map_err(DeployError::Link)?;
    Ok(())
}
