//! The repository's tests of language models, run for this crate alone: they need no host and no
//! guest.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "clippy does not count the support of the tests as tests; here a panic is the report, and a task ends with its test"
)]

#[path = "../../../tests/llm.rs"]
mod llm;
#[path = "../../../tests/support"]
mod support {
    pub mod await_event;
    #[expect(
        dead_code,
        reason = "some of it serves the repository's integration tests, which compile this file, too"
    )]
    pub mod fake_upstream;
}
