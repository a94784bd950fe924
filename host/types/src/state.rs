//! The state of plugins between runs.

use std::collections::BTreeSet;

/// What the state of one pipeline uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateUse {
    pub pipeline: String,
    pub keys: u64,
    /// Of keys and values.
    pub bytes: u64,
    /// When the pipeline was first seen to be gone, as Unix time in milliseconds.
    pub removed_at: Option<u64>,
}

/// The names of pipelines that matter to what removed ones leave behind.
#[derive(Debug, Clone, Default)]
pub struct PipelineNames {
    /// Those whose files are in the plugins folder.
    pub present: BTreeSet<String>,
    /// Those that anything besides state is kept for, present or not.
    pub remembered: BTreeSet<String>,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    pub value: Vec<u8>,
    /// Changes with every write and is never reused.
    pub revision: u64,
}
