//! The HTTP surface: one folder a protocol, over the runtime. Read `router`, then `openai::chat`,
//! then `server` and `connection`.
#![forbid(unsafe_code)]

mod access;
mod answer_stream;
mod authenticate;
mod body;
mod browser;
pub mod config;
mod connection;
mod cors;
mod credentials;
mod deploy;
mod depth;
mod error;
mod files;
mod head_meter;
mod health;
mod held;
mod idle;
mod jobs;
mod json;
mod limit_count;
mod linger;
mod metrics;
mod openai;
mod openapi;
mod pace;
mod peers;
mod pipelines;
mod request_id;
pub mod router;
mod scopes;
pub mod server;
pub mod state;
mod status;
mod tasks;
mod throttle;
mod times;
mod uncounted;
mod unread;
mod write_stall;
