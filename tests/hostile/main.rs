//! Attacks a running server with the corpus of hostile guests, one at a time, beside a
//! neighbour who behaves; prints what came of it.
//!
//! `cargo run --release --example hostile -- --help`; docs/hostile-corpus.md says how to read the
//! table.
#![expect(clippy::print_stdout, reason = "the table is for whoever runs it")]
#![expect(
    clippy::indexing_slicing,
    reason = "clippy does not count a tester as a test; what is indexed is JSON, which gives null for what is not there"
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

/// Runs every case that was asked for; the code is 1 if the host misbehaved in any.
async fn run(args: &Args) -> Result<ExitCode, String> {
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| args.wants(case))
        .collect();
    if cases.is_empty() {
        return Err("no case has that name: --list names them all".to_owned());
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
