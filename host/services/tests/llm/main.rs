//! Language models over a server that misbehaves: no host and no guest is needed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "clippy does not count the support of the tests as tests; here a panic is the report, and a task ends with its test"
)]

mod answers;
mod broken;
mod connections;
mod fixture;
mod retries;
#[path = "../../../../tests/support"]
mod support {
    pub mod await_event;
    #[expect(
        dead_code,
        reason = "some of it serves the repository's integration tests, which compile this file, too"
    )]
    pub mod fake_upstream;
    pub mod quiet;
}
