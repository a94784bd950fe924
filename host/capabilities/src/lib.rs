//! The interfaces that a guest can import: one module per WIT interface, on top of the services.
//! Start with `guest_state`, then read `linker`.
#![forbid(unsafe_code)]

pub mod bindings;
pub mod charge;
mod config;
mod convert;
pub mod cpu_share;
pub mod generation;
pub mod guest_log;
pub mod guest_state;
mod held;
pub mod host_calls;
mod http;
mod incoming;
mod jobs;
pub mod linker;
mod llm;
mod log;
mod log_rate;
pub mod memory_limit;
pub mod output;
pub mod plugin_share;
pub mod reached_limits;
mod response;
pub mod response_writer;
pub mod run_context;
pub mod run_ended;
pub mod services;
mod slot;
mod state;
mod stdio;
pub mod suspended_calls;
mod tasks;
mod timers;
pub mod upload;
mod uploads;
mod wasi_http;

#[cfg(test)]
mod view_tests;
