//! What can keep the runtime from starting, and a plugin from being deployed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use hayrick_types::contract::{Export, PACKAGE, SETUP, VERSION};
use hayrick_types::id::NameError;
use hayrick_types::limit_name::LimitName;
use hayrick_types::policy::Interface;

use crate::compile::error::{CacheError, CompileError};

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
    #[error(transparent)]
    Cache(#[from] CacheError),
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
    #[error(
        "the file has {size} bytes and component_bytes_max is {max}: make it smaller, or raise the limit"
    )]
    TooLarge { size: u64, max: u64 },
    #[error("this is no plain file: a folder, a pipe or a device cannot be deployed")]
    NoFile,
    #[error("the file is empty")]
    Empty,
    #[error("this is no WebAssembly file")]
    NoWasm,
    #[error("this is a core module and not a component: build it for the target wasm32-wasip2")]
    CoreModule,
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("it needs more than {limit} allows: make it smaller, or raise the limit ({error:#})")]
    Limit {
        limit: LimitName,
        error: wasmtime::Error,
    },
    #[error("it imports {}, which this host does not grant: {cure}", names.join(", "), cure = "leave it out, or ask the operator")]
    NotGranted { names: Vec<String> },
    #[error("its policy has mistakes: {0}")]
    Policy(String),
    #[error(
        "it asks for {}, which is not granted: leave it out, or have the operator run `hayrick grant {name}`, which adds it to the interfaces of {name}.toml",
        list(interfaces)
    )]
    NotInPolicy {
        name: String,
        interfaces: BTreeSet<Interface>,
    },
    #[error(
        "it asks for {} beyond what the version before it asked for: `hayrick inspect --diff` shows the difference, `hayrick grant {name}` grants it",
        list(interfaces)
    )]
    AsksMore {
        name: String,
        interfaces: BTreeSet<Interface>,
    },
    #[error("it cannot be linked: {0:#}")]
    Link(wasmtime::Error),
    #[error("it does not export {PACKAGE}/{}@{VERSION} with `{}`: every plugin does", SETUP.0, SETUP.1)]
    NoLifecycle,
    #[error(
        "it exports nothing that this host serves: export {} of {PACKAGE}@{VERSION}",
        exports()
    )]
    NothingToServe,
    #[error("setup failed: {0}")]
    Setup(String),
    #[error(
        "there is a pipeline '{other}', and names that differ in case alone are one file on some systems: choose another name"
    )]
    NameTaken { other: String },
    #[error("{max} deploys are going on: try again in a moment")]
    Busy { max: usize },
    #[error("it cannot be kept in the plugins folder: {0}: check its space and rights")]
    Keep(#[source] std::io::Error),
}

/// Whose doing it is that a file is not deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The component's.
    Component,
    /// The name's.
    Name,
    /// Another pipeline has the name.
    Taken,
    /// The component's size.
    Size,
    /// The host's, for a moment.
    Busy,
    /// The disk is full.
    Space,
    /// The host's.
    Host,
}

impl DeployError {
    /// The limit that was reached, where one is the reason.
    pub fn limit(&self) -> Option<LimitName> {
        match self {
            DeployError::TooLarge { .. } => Some(LimitName::ComponentBytesMax),
            DeployError::Limit { limit, .. } => Some(*limit),
            DeployError::Compile(error) => error.limit(),
            DeployError::Busy { .. } => Some(LimitName::DeploysMax),
            _ => None,
        }
    }

    /// Whose doing it is.
    pub fn fault(&self) -> Fault {
        match self {
            DeployError::Name(_) => Fault::Name,
            DeployError::NameTaken { .. } => Fault::Taken,
            DeployError::TooLarge { .. } => Fault::Size,
            DeployError::Busy { .. } => Fault::Busy,
            DeployError::Keep(error) | DeployError::Read(error) if is_full(error) => Fault::Space,
            DeployError::Keep(_) | DeployError::Read(_) => Fault::Host,
            DeployError::Compile(
                CompileError::Spawn(_) | CompileError::Load(_) | CompileError::Killed,
            ) => Fault::Host,
            _ => Fault::Component,
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    )
}

/// Every export, for people: "chat, files or job-handler".
fn exports() -> String {
    let names = Export::ALL.map(Export::interface);
    match &names[..] {
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => String::new(),
    }
}

fn list(interfaces: &BTreeSet<Interface>) -> String {
    interfaces
        .iter()
        .map(|interface| interface.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
