//! What the host does for guests, without WebAssembly and without an HTTP server: language models.
#![forbid(unsafe_code)]

pub mod database;
pub mod llm;
pub mod secret;
