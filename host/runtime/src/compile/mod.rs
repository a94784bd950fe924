//! From a component's bytes to code that runs: compiled in a process aside, kept under a seal. Read
//! `compiler`, then `child` and `cache`.

pub(crate) mod artifact;
mod aside;
mod bounds;
pub(crate) mod cache;
pub mod child;
pub(crate) mod compiler;
pub mod config;
pub mod error;
mod folder;
mod key;
mod seal;
pub(crate) mod settings;
