//! From a pipeline's name to a stream of chunks: engine, registry, instances, limits, runs. Read
//! `runtime`, then `loader` and `instance`.
// One function of `compile::artifact` is excepted; tests/architecture.rs holds it to that.
#![deny(unsafe_code)]

mod admission;
pub mod approvals;
pub mod asked;
pub mod attempt;
pub mod compile;
pub mod config;
mod cpu_meter;
pub mod deploy;
mod engine;
pub mod entry;
mod epoch;
pub mod error;
pub mod inspect;
mod instance;
mod loader;
mod pipeline;
mod registry;
pub mod run_stream;
pub mod runtime;
mod serving;
pub mod shape;
mod trap;
mod version;
mod warm;
mod watcher;
