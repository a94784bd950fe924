//! Runs plugins: engine, registry, instances, limits and runs. It takes the name of a pipeline and
//! returns a stream of chunks. Start with `runtime`, then read `loader` and `instance`.
// One function of `compile::artifact` may use it; tests/architecture.rs checks that.
#![deny(unsafe_code)]

mod admission;
pub mod api_description;
pub mod api_output;
pub mod approvals;
pub mod attempt;
pub mod compile;
pub mod config;
mod cpu_meter;
pub mod deploy;
mod direct;
mod engine;
mod epoch;
pub mod error;
pub mod folder;
pub mod grant_check;
pub mod guest_call;
pub mod inspect;
mod instance;
mod loader;
mod pipeline;
mod refusal;
mod registry;
pub mod run_stream;
pub mod runtime;
pub mod schema;
mod serving;
mod shape;
mod trap;
mod turns;
mod version;
mod warm;
mod watcher;
