//! Language models behind OpenAI-compatible HTTP endpoints. Read `config`, `router`, `upstream`,
//! then `generation` and `reading`.

mod answer;
mod body;
mod breaker;
mod builtin;
mod cache;
pub mod config;
mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod generation;
mod openai;
mod plain;
mod reading;
mod retry;
pub mod router;
mod sse;
mod upstream;
mod usage_taken;
