//! Shared by the fuzz targets: a whole host in this process, and requests to it over loopback.
//!
//! libfuzzer-sys aborts when any thread panics, so a panic anywhere in the host crashes the target.
#![cfg(feature = "sandbox")]

pub mod answer;
pub mod compiler;
pub mod server;
