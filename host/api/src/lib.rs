//! The HTTP API, over the runtime. `routes` is the table of all routes. A request comes in through
//! `edge` (connections), passes `gate` (keys, scopes, browsers), and is answered by a protocol:
//! `openai`, `run`, `files`, `jobs`, `tasks`, `deploy`, `server` or `openapi`. What protocols share is in
//! `body`, `sse`, `wire` and `error`. Read `routes`, then `openai::chat`, then `edge::server`.
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
mod plugin_state;
mod routes;
mod run;
mod server;
mod sse;
pub mod state;
mod tasks;
mod wire;
