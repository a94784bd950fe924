//! Attacks a server with the corpus of hostile guests, one by one, next to a well-behaved
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
mod server;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::hostile::attack::Arena;
use crate::hostile::case::Case;
use crate::hostile::cases;
use crate::hostile::table::{heading, json, line, summary};
use crate::server::Server;

fn main() -> ExitCode {
    let args = Args::parse();
    // What attackers send is sent by these threads. On another machine they would take no processor
    // from the server; here they get what the server and the neighbour leave.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(|| {
            // If this fails, the figures are a little worse.
            let _ = rustix::process::nice(NICE);
        })
        .build();
    let outcome = runtime
        .map_err(|error| format!("no runtime: {error}"))
        .and_then(|runtime| runtime.block_on(run(&args)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            println!("hostile: {error}");
            ExitCode::from(2)
        }
    }
}

/// The lowest priority.
const NICE: i32 = 19;

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
    let own = match args.url {
        Some(_) => None,
        None => Some(Server::start().await?),
    };
    let arena = Arena::open(args.target(own.as_ref())?).await?;
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
