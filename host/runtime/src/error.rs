//! What can keep the runtime from starting, and a plugin from being deployed.

use std::path::PathBuf;

use host_types::id::NameError;
use host_types::limit_name::LimitName;

/// The runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("cannot use {path}: check that it exists and that this user may read and write it")]
    Path {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot watch the folder {path}")]
    Watch {
        path: PathBuf,
        #[source]
        source: notify::Error,
    },
    #[error("cannot start the WebAssembly engine")]
    Engine(#[source] wasmtime::Error),
    #[error("cannot start the thread that counts time slices")]
    Thread(#[source] std::io::Error),
}

/// A file is not deployed. The text is for the plugin's author.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("cannot read the file: {0}")]
    Read(#[from] std::io::Error),
    #[error("the file has {size} bytes and component_bytes_max is {max}: make it smaller, or raise the limit")]
    TooLarge { size: u64, max: u64 },
    #[error("the file is empty")]
    Empty,
    #[error("this is no WebAssembly file")]
    NoWasm,
    #[error("this is a core module and not a component: build it for the target wasm32-wasip2")]
    CoreModule,
    #[error("this is no valid component, or the file is cut short: {0:#}")]
    Invalid(wasmtime::Error),
    #[error("it needs more than {limit} allows: make it smaller, or raise the limit ({error:#})")]
    Limit { limit: LimitName, error: wasmtime::Error },
    #[error("it imports {}, which this host does not grant: {cure}", names.join(", "), cure = "leave it out, or ask the operator")]
    NotGranted { names: Vec<String> },
    #[error("it cannot be linked: {0:#}")]
    Link(wasmtime::Error),
    #[error("it does not export hayrick:pipeline/lifecycle@0.1.0 with `setup`: every plugin does")]
    NoLifecycle,
    #[error("it exports nothing that this host serves: export chat, files or job-handler of hayrick:pipeline@0.1.0")]
    NothingToServe,
    #[error("setup failed: {0}")]
    Setup(String),
}
