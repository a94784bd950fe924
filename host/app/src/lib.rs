//! The composition root: turns settings into the configuration of each part, and connects the
//! parts. Read `settings`, then `app`.
#![forbid(unsafe_code)]

pub mod app;
pub mod compile;
pub mod data_dir;
pub mod grant;
pub mod inspect;
pub mod keys;
mod open_files;
mod services;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
