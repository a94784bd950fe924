//! API keys: made and revoked in a file, checked by a running server that follows the file.

pub mod error;
pub mod file;
pub mod key;
pub mod ring;
pub mod token;

#[cfg(test)]
mod tests;
