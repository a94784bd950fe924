//! What the host does for guests, without WebAssembly and without an HTTP server: language models, files that arrive, durable jobs, tasks, state.
#![forbid(unsafe_code)]

pub mod database;
pub mod jobs;
pub mod llm;
pub mod metrics;
pub mod secret;
pub mod state;
pub mod tasks;
pub mod uploads;
