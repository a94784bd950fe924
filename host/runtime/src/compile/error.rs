//! Why a component has no code. The text is for the plugin's author.

use std::path::PathBuf;
use std::time::Duration;

use hayrick_types::limit_name::LimitName;

/// A component is not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The process that compiles says why, in a whole sentence.
    #[error("{0}")]
    Refused(String),
    /// The component has more parts than a limit allows; the reason is a whole sentence, too.
    #[error("{reason}")]
    Bound { limit: LimitName, reason: String },
    #[error(
        "compiling it takes more memory than compile_memory_bytes_max, {} MiB: make it smaller, or ask the operator to raise the limit",
        max >> 20
    )]
    Memory { max: u64 },
    #[error(
        "compiling it takes more computing than compile_cpu_time_max, {} s: make it smaller, or ask the operator to raise the limit",
        max.as_secs()
    )]
    CpuTime { max: Duration },
    #[error("compiling it takes longer than compile_time_max, {} ms: make it smaller, or ask the operator to raise the limit", max.as_millis())]
    Time { max: Duration },
    #[error(
        "its code has more than artifact_bytes_max, {max} bytes: make it smaller, or ask the operator to raise the limit"
    )]
    ArtifactTooLarge { max: u64 },
    #[error(
        "the process that compiled it was killed from outside: try again; if the machine ran out of memory, lower compile_memory_bytes_max"
    )]
    Killed,
    #[error(
        "the compiler failed over it ({how}): report it to the component's toolchain and to Hayrick"
    )]
    Crashed { how: String },
    #[error(
        "no process to compile it in can be started: {0}: check that this user may start more of them"
    )]
    Spawn(#[source] std::io::Error),
    #[error(
        "the code that was made of it cannot be loaded: {0:#}: was the program replaced while it ran? restart it"
    )]
    Load(#[source] wasmtime::Error),
}

impl CompileError {
    /// The limit it is due to, if it is due to one.
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
        "the compile cache {path} cannot be used: {source}: check that it is a folder that this user may read and write"
    )]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the compile cache {path} belongs to user {owner} and this is user {user}: remove it, or name another data folder with --data-dir"
    )]
    ForeignFolder {
        path: PathBuf,
        owner: u32,
        user: u32,
    },
    #[error(
        "others may write to the compile cache {path} (mode {mode:03o}), and native code is loaded from it: chmod 700 {path}"
    )]
    OpenFolder { path: PathBuf, mode: u32 },
    #[error(
        "the key of the compile cache {path} cannot be used: {source}: remove it, and a new one is made"
    )]
    Key {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the key of the compile cache {path} is not this user's alone (owner {owner}, mode {mode:03o}): remove it, and a new one is made"
    )]
    OpenKey {
        path: PathBuf,
        owner: u32,
        mode: u32,
    },
    #[error("the key of the compile cache {path} is no key: remove it, and a new one is made")]
    NoKey { path: PathBuf },
    #[error("the operating system gives no random numbers for the key of the compile cache")]
    Random,
}
