//! The composition root: what the user said becomes what the program needs, and the parts are put together.
//! Read `settings`, `config`, then `app`.
#![forbid(unsafe_code)]

pub mod app;
pub mod config;
pub mod data_dir;
pub mod environment;
pub mod inspect;
pub mod limits;
mod machine;
pub mod mistake;
pub mod section;
mod services;
pub mod settings;
pub mod shutdown;
mod stores;
pub mod telemetry;
pub mod units;
pub mod upstreams;
