//! State: what a plugin remembers between runs.

/// What is remembered under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub value: Vec<u8>,
    /// Changes with every write of the key; no write ever gets one that was there before.
    pub revision: u64,
}
