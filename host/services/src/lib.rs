//! What the host does for guests, without WebAssembly and without an HTTP server: language models,
//! files that arrive, durable jobs, tasks, state, requests to the network.
#![forbid(unsafe_code)]

pub mod atomic_file;
pub mod audit;
mod backoff;
pub mod budgets;
pub mod byte_shares;
pub mod database;
pub mod egress;
pub mod jobs;
pub mod keys;
pub mod llm;
pub mod metrics;
pub mod secret;
pub mod state;
pub mod tasks;
pub mod uploads;
