//! The state of plugins between runs.

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    pub value: Vec<u8>,
    /// Changes with every write and is never reused.
    pub revision: u64,
}
