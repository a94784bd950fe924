//! Support code for the tests: a host in its own process, clients, guests.

pub mod await_event;
pub mod bloat;
pub mod client;
pub mod command;
pub mod disk;
pub mod fake_site;
#[expect(
    dead_code,
    reason = "the tests of hayrick-services also compile this file and use the rest"
)]
pub mod fake_upstream;
pub mod folder;
pub mod form;
pub mod guest;
pub mod host;
pub mod jobs;
pub mod keys;
pub mod kill_loop;
pub mod launch;
pub mod logs;
pub mod metrics;
pub mod neighbour;
pub mod pages;
pub mod process;
pub mod quiet;
pub mod random;
pub mod raw_client;
pub mod report;
pub mod source;
pub mod wasm;
