//! The HTTP surface: one folder a protocol, over the runtime. Read `router`, then `openai::chat`, then `server` and `connection`.
#![forbid(unsafe_code)]

mod answer_stream;
mod body;
pub mod config;
mod connection;
mod error;
mod files;
mod health;
mod jobs;
mod json;
mod limit_count;
mod linger;
mod metrics;
mod openai;
mod pipelines;
mod request_id;
pub mod router;
pub mod server;
pub mod state;
mod status;
mod tasks;
mod times;
mod write_stall;
