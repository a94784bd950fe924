//! The composition root: what the user said becomes what the program needs, and the parts are put
//! together. Read `settings`, `config`, then `app`.
#![forbid(unsafe_code)]

pub mod app;
pub mod clients;
pub mod compile;
pub mod config;
pub mod data_dir;
mod egress;
mod engine;
pub mod environment;
mod folders;
pub mod grant;
pub mod inspect;
pub mod keys;
pub mod limits;
mod machine;
pub mod mistake;
mod open_files;
pub mod policy;
pub mod rules;
pub mod section;
mod services;
pub mod settings;
pub mod shutdown;
mod stores;
pub mod telemetry;
pub mod units;
pub mod upstreams;
