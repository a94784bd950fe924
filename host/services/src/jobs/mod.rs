//! Durable background jobs. Read `config`, `store`, `attempt`, then `queue` and `lease`; `sqlite`
//! keeps them in a file.

mod attempt;
mod backoff;
pub mod config;
pub mod error;
pub mod lease;
mod news;
mod progress;
pub mod queue;
mod span;
pub mod sqlite;
pub mod store;
mod submission;
pub mod watch;
