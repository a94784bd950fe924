<<<<<<< HEAD
//! What the host does for guests, without WebAssembly and without an HTTP server: language models, files that arrive, durable jobs, tasks and state.
=======
//! What the host does for guests, without WebAssembly and without an HTTP server: language models, background jobs.
>>>>>>> 956bcef (Durable jobs: a state machine of our own over the one SQLite file)
#![forbid(unsafe_code)]

pub mod database;
pub mod jobs;
pub mod llm;
pub mod secret;
pub mod uploads;
