//! What several fuzz targets stand on: a whole host in this process, and requests to it over
//! loopback.
//!
//! libfuzzer-sys aborts on a panic of any thread, so a panic anywhere in the host is a crash of the
//! target.
#![cfg(feature = "sandbox")]

pub mod answer;
pub mod server;
