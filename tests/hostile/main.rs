//! Attacks a running server with the corpus of hostile guests, one by one, next to a well-behaved
//! neighbour, and prints the results.
//!
//! See `cargo run --release --example hostile -- --help`; docs/hostile-corpus.md says how to read
//! the table.
#![expect(clippy::print_stdout, reason = "the table is the program's output")]
#![expect(
    clippy::indexing_slicing,
    reason = "clippy does not treat an example as a test; indexing JSON gives null for missing keys"
)]

mod args;
#[path = "mod.rs"]
mod hostile;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::hostile::attack::Arena;
use crate::hostile::case::Case;
use crate::hostile::cases;
use crate::hostile::table::{heading, json, line, summary};

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            println!("hostile: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs every selected case; the exit code is 1 if the host did not withstand one.
async fn run(args: &Args) -> Result<ExitCode, String> {
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| args.wants(case))
        .collect();
    if cases.is_empty() {
        return Err("no case or theme has that name: see --list".to_owned());
    }
    if args.list {
        cases.iter().for_each(|case| {
            println!(
                "{:<12} {:<28} {}",
                case.theme.as_str(),
                case.name,
                case.tries
            )
        });
        return Ok(ExitCode::SUCCESS);
    }
    let arena = Arena::open(args.target()?).await?;
    if !args.json {
        println!("{}", heading(&arena));
    }
    let mut rows = Vec::new();
    for case in &cases {
        let row = arena.attack(case).await;
        println!("{}", if args.json { json(&row) } else { line(&row) });
        rows.push(row);
    }
    arena.close().await;
    if !args.json {
        println!("{}", summary(&rows));
    }
    Ok(if rows.iter().all(|row| row.problems.is_empty()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
