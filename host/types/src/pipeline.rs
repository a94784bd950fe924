//! The status of a deployed or refused pipeline: the content of `/status`.

use serde::{Deserialize, Serialize};

/// The state of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PipelineState {
    /// Its first version is being compiled and set up.
    Loading,
    /// A version serves.
    Ready,
    /// No version serves: the only one so far was refused.
    Failed,
}

/// The version that serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// SHA-256 of the file, in hex.
    pub digest: String,
    /// 1 for the first version since the server started.
    pub number: u64,
    /// Size of the file.
    pub size_bytes: u64,
    /// Unix time of the swap, seconds.
    pub deployed_at: u64,
    /// Compiling and linking, or loading from the compile cache; milliseconds.
    pub compile_ms: u64,
    /// Whether the compile cache had it.
    pub from_cache: bool,
    /// `setup` at deploy; milliseconds.
    pub setup_ms: u64,
    /// Interfaces it serves.
    pub exports: Vec<String>,
    /// Host interfaces it asked for.
    pub imports: Vec<String>,
}

/// A file that was refused; an earlier version continues to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// SHA-256 of the refused file, in hex; empty if it could not be read.
    pub digest: String,
    /// Unix time, seconds.
    pub at: u64,
    /// What is wrong with it, and the cure.
    pub reason: String,
}

/// One pipeline, as `/status/{name}` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineStatus {
    pub name: String,
    pub state: PipelineState,
    pub version: Option<Version>,
    /// The refusal of the newest file, until a valid file replaces it.
    pub last_error: Option<Refusal>,
    /// Runs of all versions at this moment.
    pub active_runs: usize,
    pub total_runs: u64,
    pub failed_runs: u64,
}
