//! The kill loop of the tests, but longer: a host that is killed repeatedly keeps everything it
//! acknowledged.
//!
//! `cargo bench --bench durability` kills it 120 times; a number after `--` sets another count, and
//! `HAYRICK_TEST_SEED` repeats a run.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and gives up loudly"
)]

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    reason = "a benchmark uses a part of what the tests stand on"
)]
mod support;

use support::{kill_loop, random};

const KILLS: usize = 120;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!(
            "nothing is measured in a build for tests: run `cargo bench --bench durability`"
        );
    }
    let kills = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(KILLS);
    let seed = random::seed();
    println!(
        "HAYRICK_TEST_SEED={seed}, {} processors",
        std::thread::available_parallelism().unwrap()
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let seen = runtime.block_on(kill_loop::run(kills, seed));
    println!("{}", seen.summary());
    seen.check();
    println!("everything that was acknowledged was kept");
}
