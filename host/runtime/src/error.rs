//! Errors of starting the runtime and of deploying a plugin.

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
    #[error("cannot start the WebAssembly engine")]
    Engine(#[source] wasmtime::Error),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("cannot start the thread that counts time slices")]
    Thread(#[source] std::io::Error),
}

/// A plugin cannot be deployed. The messages are for its author.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("cannot read the file: {0}")]
    Read(#[from] std::io::Error),
    #[error(
        "the file has {size} bytes, but component_bytes_max is {max}: make it smaller, or raise \
         the limit"
    )]
    TooLarge { size: u64, max: u64 },
    #[error("this is not a regular file: a folder, a pipe or a device cannot be deployed")]
    NotAFile,
    #[error("the file is empty")]
    Empty,
    #[error("this is not a WebAssembly file")]
    NotWasm,
    #[error("this is a core module, not a component: build it for the target wasm32-wasip2")]
    CoreModule,
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("it needs more than {limit} allows: make it smaller, or raise the limit ({error:#})")]
    Limit {
        limit: LimitName,
        error: wasmtime::Error,
    },
    #[error(
        "it imports {}, which this host does not provide: remove the import, or check its version",
        names.join(", ")
    )]
    UnknownImports { names: Vec<String> },
    #[error("its policy is invalid: {0}")]
    Policy(String),
    #[error(
        "it asks for {}, which is not granted: remove the import, or ask the operator to run \
         `hayrick grant {name}`, which adds it to the interfaces in {name}.toml",
        list(interfaces)
    )]
    NotGranted {
        name: String,
        interfaces: BTreeSet<Interface>,
    },
    #[error(
        "it asks for {}, which its previous version did not ask for: `hayrick inspect --diff` \
         shows the difference, `hayrick grant {name}` grants it",
        list(interfaces)
    )]
    NewInterfaces {
        name: String,
        interfaces: BTreeSet<Interface>,
    },
    #[error("it cannot be linked: {0:#}")]
    Link(wasmtime::Error),
    #[error(
        "it does not export `{}` of {PACKAGE}/{}@{VERSION}, which every plugin must export",
        SETUP.1,
        SETUP.0
    )]
    NoLifecycle,
    #[error(
        "it does not export an interface that this host serves: export {} of {PACKAGE}@{VERSION}",
        exports()
    )]
    NothingToServe,
    #[error("the description of its API cannot be used: {reason}")]
    Description {
        reason: String,
        limit: Option<LimitName>,
    },
    #[error("setup failed: {0}")]
    Setup(String),
    #[error(
        "the pipeline '{other}' already exists, and on some systems names that differ in case only \
         are the same file: choose another name"
    )]
    NameTaken { other: String },
    #[error(
        "{max} deploys of this name, this client or all clients are running: try again in a moment"
    )]
    Busy { max: usize },
    #[error("its policy changed while it was being deployed: try again")]
    PolicyChanged,
    #[error(
        "cannot write it to the plugins folder: {0}; check the free space and the permissions of \
         the folder"
    )]
    Store(#[source] std::io::Error),
}

/// What is to blame if a plugin cannot be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Component,
    /// The name is not valid.
    Name,
    /// Another pipeline has the name.
    Taken,
    /// The component is too large.
    Size,
    /// The host is running too many deploys at the moment.
    Busy,
    /// The disk is full.
    Space,
    /// Anything else on the host.
    Host,
}

impl DeployError {
    /// The limit that was reached, if that is the reason.
    pub fn limit(&self) -> Option<LimitName> {
        match self {
            DeployError::TooLarge { .. } => Some(LimitName::ComponentBytesMax),
            DeployError::Limit { limit, .. } => Some(*limit),
            DeployError::Description { limit, .. } => *limit,
            DeployError::Compile(error) => error.limit(),
            DeployError::Busy { .. } => Some(LimitName::DeploysMax),
            _ => None,
        }
    }

    /// Whether the same file may do better later: the host failed, not the file.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.fault(), Fault::Host | Fault::Space | Fault::Busy)
    }

    /// What is to blame.
    pub fn fault(&self) -> Fault {
        match self {
            DeployError::Name(_) => Fault::Name,
            DeployError::NameTaken { .. } => Fault::Taken,
            DeployError::TooLarge { .. } => Fault::Size,
            DeployError::Busy { .. } | DeployError::PolicyChanged => Fault::Busy,
            DeployError::Store(error) | DeployError::Read(error) if is_full(error) => Fault::Space,
            DeployError::Store(_) | DeployError::Read(_) => Fault::Host,
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

/// The names of all exports, for a message: "chat, files or job-handler".
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
