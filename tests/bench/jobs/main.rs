//! Jobs per second with every commit on disk: through HTTP, queue and sandbox, compared with SQLite
//! alone making the same commits in the same run.
//!
//! `cargo bench --bench jobs` runs it. Disks differ between machines, so compare the ratio.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and gives up loudly"
)]

mod bare;
mod finished;
mod stack;
#[path = "../../support/mod.rs"]
#[expect(
    dead_code,
    reason = "a benchmark uses a part of what the tests stand on"
)]
mod support;

use std::time::Duration;

use crate::bare::Bare;
use crate::stack::{PLACES, Stack};

/// Number of jobs per measurement.
const JOBS: usize = 2000;
const CLIENTS: [usize; 3] = [1, 16, 64];

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!(
            "nothing is measured in a build for tests: run `cargo bench --bench jobs`"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        compare().await;
        finished::compare().await;
    });
}

async fn compare() {
    let stack = Stack::start().await;
    let mut bare = Bare::open();
    println!(
        "{} processors; {JOBS} jobs a figure, every commit on disk",
        std::thread::available_parallelism().unwrap()
    );
    println!(
        "{:>34}  {:>12}  {:>12}  {:>6}",
        "", "SQLite/s", "hayrick/s", "ratio"
    );
    for clients in CLIENTS {
        stack.block().await;
        row(
            &format!("submitted by {clients} clients"),
            bare.submit(JOBS, clients),
            stack.submit(JOBS, clients).await,
        );
        row(
            &format!("claimed, run, finished, {PLACES} at a time"),
            bare.work(JOBS, PLACES),
            stack.work().await,
        );
    }
}

fn row(what: &str, base: Duration, ours: Duration) {
    let rate = |span: Duration| JOBS as f64 / span.as_secs_f64();
    println!(
        "{what:>34}  {:>12.0}  {:>12.0}  {:>6.2}",
        rate(base),
        rate(ours),
        rate(ours) / rate(base)
    );
}
