//! Works on jobs: claims those whose time has come, runs their attempts, and tidies up. Read
//! `worker`, then `attempt`.
#![forbid(unsafe_code)]

mod attempt;
pub mod config;
mod places;
mod upkeep;
pub mod worker;
