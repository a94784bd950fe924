//! Components below the toolchain.

/// Nothing.
pub fn empty() -> Vec<u8> {
    Vec::new()
}
