//! The composition root: what the user said becomes what the program needs, and the parts are put
//! together. Read `settings`, then `app`.
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
