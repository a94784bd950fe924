//! Compiles components in a separate process, and caches the compiled code under a seal. Start with
//! `compiler`, then read `child` and `cache`.

pub(crate) mod artifact;
mod bounds;
pub(crate) mod cache;
pub mod child;
pub(crate) mod compiler;
pub mod config;
pub mod error;
mod folder;
mod key;
mod process;
mod seal;
pub(crate) mod settings;
