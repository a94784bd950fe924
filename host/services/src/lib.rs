//! What the host does for guests, without WebAssembly and without an HTTP server: language models, files that arrive, durable jobs, tasks and state.
#![forbid(unsafe_code)]

pub mod database;
pub mod llm;
pub mod secret;
pub mod uploads;
