//! Durable background jobs. Read `config`, `store`, `attempt`, then `queue` and `lease`; `sqlite`
//! keeps them in a file.

mod attempt;
pub mod config;
pub mod error;
pub mod lease;
mod notifier;
mod progress;
pub mod queue;
pub mod sqlite;
pub mod store;
mod submission;
pub mod watch;
