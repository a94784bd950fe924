//! Reads flags, the environment and files, collects all mistakes, and shows the settings in force.
//!
//! The settings are declared in `hayrick_types::settings`. Read `sources`, then `config`.

pub mod config;
mod egress_rules;
pub mod environment;
pub mod flags;
mod folders;
pub mod found;
mod grants;
mod machine;
pub mod mistake;
pub mod page;
pub mod policy;
pub mod rules;
pub mod section;
mod server;
pub mod show;
pub mod sources;
mod tables;
pub mod units;
mod upstreams;
mod value;
