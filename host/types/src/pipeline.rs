//! The status of a deployed or refused pipeline, as `/status` returns it.

use serde::{Deserialize, Serialize};

/// The state of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PipelineState {
    /// Its first version is being compiled and set up.
    Loading,
    /// A version is serving.
    Ready,
    /// No version is serving: the only one so far was refused.
    Failed,
}

/// The version that is serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// SHA-256 of the file, in hex.
    pub digest: String,
    /// 1 for the first version since the server started.
    pub number: u64,
    /// Size of the file.
    pub size_bytes: u64,
    /// Unix time when it started serving, in seconds.
    pub deployed_at: u64,
    /// Time for compiling and linking, or for loading from the compile cache, in milliseconds.
    pub compile_ms: u64,
    /// Whether it was found in the compile cache.
    pub from_cache: bool,
    /// Duration of `setup` at the deploy, in milliseconds.
    pub setup_ms: u64,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// The host interfaces that it imports.
    pub imports: Vec<String>,
}

/// A refused file; an earlier version continues to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// SHA-256 of the refused file, in hex; empty if it could not be read.
    pub digest: String,
    /// Unix time, seconds.
    pub at: u64,
    /// What is wrong with the file, and the cure.
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
    /// Current number of runs of all versions.
    pub active_runs: usize,
    pub total_runs: u64,
    pub failed_runs: u64,
}
