//! The HTTP surface: one folder a protocol, over the runtime. Read `routes`, then `openai::chat`,
//! then `edge::server` and `edge::connection`.
#![forbid(unsafe_code)]

mod body;
pub mod config;
mod deploy;
pub mod edge;
mod error;
mod files;
mod gate;
mod jobs;
mod openai;
mod openapi;
mod routes;
mod server;
pub mod state;
mod tasks;
mod wire;
