//! Why a component cannot be compiled. The messages are for the author of the plugin.

use std::path::PathBuf;
use std::time::Duration;

use hayrick_types::limit_name::LimitName;

/// A component cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The message comes from the compiler process.
    #[error("{0}")]
    Refused(String),
    /// The component has more parts than a limit allows. The reason, too, comes from the compiler
    /// process.
    #[error("{reason}")]
    Bound { limit: LimitName, reason: String },
    #[error(
        "compiling it needs more than {} MiB of memory (compile_memory_bytes_max): make it \
         smaller, or ask the operator to raise the limit",
        max >> 20
    )]
    Memory { max: u64 },
    #[error(
        "compiling it takes more than {} s of CPU time (compile_cpu_time_max): make it smaller, \
         or ask the operator to raise the limit",
        max.as_secs()
    )]
    CpuTime { max: Duration },
    #[error(
        "compiling it takes longer than {} ms (compile_time_max): make it smaller, or ask the \
         operator to raise the limit",
        max.as_millis()
    )]
    Time { max: Duration },
    #[error(
        "its compiled code has more than {max} bytes (artifact_bytes_max): make it smaller, or ask \
         the operator to raise the limit"
    )]
    ArtifactTooLarge { max: u64 },
    #[error(
        "the compiler process was killed: try again; if the machine ran out of memory, lower \
         compile_memory_bytes_max"
    )]
    Killed,
    #[error(
        "the compiler crashed ({how}); this is a fault of wasmtime's compiler: report it with the \
         component at https://github.com/bytecodealliance/wasmtime/issues"
    )]
    Crashed { how: String },
    #[error(
        "cannot start the compiler process: {0}; check that this user may start more processes"
    )]
    Spawn(#[source] std::io::Error),
    #[error(
        "cannot load its compiled code: {0:#}; if the program was replaced while it ran, restart it"
    )]
    Load(#[source] wasmtime::Error),
}

impl CompileError {
    /// The limit that was reached, if that is the reason.
    pub(crate) fn limit(&self) -> Option<LimitName> {
        match self {
            CompileError::Bound { limit, .. } => Some(*limit),
            CompileError::Memory { .. } => Some(LimitName::CompileMemoryBytesMax),
            CompileError::CpuTime { .. } => Some(LimitName::CompileCpuTimeMax),
            CompileError::Time { .. } => Some(LimitName::CompileTimeMax),
            CompileError::ArtifactTooLarge { .. } => Some(LimitName::ArtifactBytesMax),
            _ => None,
        }
    }
}

/// The compile cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error(
        "cannot use the compile cache {path}: {source}; check that it is a folder and that this \
         user may read and write it"
    )]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the compile cache {path} belongs to user {owner}, but this is user {user}: remove it, or \
         choose another data folder with --data-dir"
    )]
    FolderOwner {
        path: PathBuf,
        owner: u32,
        user: u32,
    },
    #[error(
        "other users may write to the compile cache {path} (mode {mode:03o}), but native code is \
         loaded from it: run `chmod 700 {path}`"
    )]
    FolderMode { path: PathBuf, mode: u32 },
    #[error(
        "cannot use the key of the compile cache {path}: {source}; remove it, and the next start \
         creates a new one"
    )]
    Key {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the key of the compile cache {path} is not private to this user (owner {owner}, mode \
         {mode:03o}): remove it, and the next start creates a new one"
    )]
    KeyMode {
        path: PathBuf,
        owner: u32,
        mode: u32,
    },
    #[error(
        "the key of the compile cache {path} is invalid: remove it, and the next start creates a \
         new one"
    )]
    InvalidKey { path: PathBuf },
    #[error("cannot get random bytes for the key of the compile cache from the operating system")]
    Random,
}
