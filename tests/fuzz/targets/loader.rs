//! What a deploy does to a file before it runs: arbitrary bytes, a generated module in a component,
//! or a generated component. It is refused or accepted, quickly and with little memory (libFuzzer's
//! -timeout and -rss_limit_mb).
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use fuzz::compiler::serve_compiler;
use hayrick_app::compile::own_program;
use hayrick_runtime::compile::config::CompileConfig;
use hayrick_runtime::inspect::inspect;
use hayrick_types::settings::limits::Limits;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// The section of a component that holds a core module.
const CORE_MODULE: u8 = 1;

fn path() -> &'static PathBuf {
    static FOLDER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("candidate.wasm");
        (folder, path)
    };
    &FOLDER.get_or_init(make).1
}

/// With the feature `generated`: a valid module in a component, or a valid component, which reaches
/// code that arbitrary bytes never reach.
#[cfg(feature = "generated")]
fn generated(kind: u8, data: &[u8]) -> arbitrary::Result<Vec<u8>> {
    let mut source = arbitrary::Unstructured::new(data);
    if kind == 2 {
        let config = wasm_smith::Config {
            max_memories: 4,
            ..wasm_smith::Config::default()
        };
        return Ok(wrapped(
            &wasm_smith::Module::new(config, &mut source)?.to_bytes(),
        ));
    }
    Ok(wasm_smith::Component::new(wasm_smith::Config::default(), &mut source)?.to_bytes())
}

#[cfg(feature = "generated")]
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[cfg(feature = "generated")]
fn wrapped(module: &[u8]) -> Vec<u8> {
    [
        &COMPONENT[..],
        &[CORE_MODULE],
        &leb128(module.len()),
        module,
    ]
    .concat()
}

/// The first byte chooses the kind.
fn candidate(data: &[u8]) -> Option<Vec<u8>> {
    let (&kind, rest) = data.split_first()?;
    match kind % 4 {
        0 => Some(rest.to_vec()),
        1 => Some([&COMPONENT[..], rest].concat()),
        #[cfg(feature = "generated")]
        kind => generated(kind, rest).ok(),
        #[cfg(not(feature = "generated"))]
        _ => Some([&COMPONENT[..], &[CORE_MODULE], rest].concat()),
    }
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let make = || Builder::new_current_thread().enable_all().build().unwrap();
    RUNTIME.get_or_init(make)
}

fuzz_target!(init: serve_compiler(), |data: &[u8]| {
    let Some(bytes) = candidate(data) else { return };
    std::fs::write(path(), &bytes).unwrap();
    let (limits, compile) = (Limits::default(), CompileConfig::default());
    let inspecting = inspect(path(), &limits, own_program(), compile);
    let inspection = runtime().block_on(inspecting).unwrap();
    assert_eq!(inspection.size_bytes, bytes.len() as u64);
    if let Err(reason) = inspection.deployable {
        assert!(!reason.is_empty(), "refused without a reason");
    }
});
