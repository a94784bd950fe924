//! The data types that all crates share. No I/O. Read `message`, `chunk`, `request`, then
//! `failure`; for the settings, `settings`.
#![forbid(unsafe_code)]

#[macro_use]
pub mod settings;

pub mod chunk;
pub mod clock;
pub mod contract;
pub mod egress;
pub mod embeddings;
pub mod failure;
pub mod generation;
pub mod hex;
pub mod id;
pub mod job;
pub mod json_line;
pub mod limit_name;
pub mod merged;
pub mod message;
pub mod pipeline;
pub mod policy;
pub mod request;
pub mod state;
pub mod task;
