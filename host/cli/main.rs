//! The program `hayrick`: reads the command line, runs one command, and turns its result into an
//! exit code.
#![forbid(unsafe_code)]

mod age;
mod args;
mod commands;
mod http;
mod key_args;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use hayrick_app::settings::mistake::ConfigError;

use crate::args::Args;
use crate::output::print_stderr;

fn main() -> ExitCode {
    let matches = Args::command().get_matches();
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match commands::run(args, &matches) {
        Ok(code) => code,
        Err(error) => {
            print_stderr(&format!("hayrick: {error:#}"));
            ExitCode::from(if error.is::<ConfigError>() {
                args::EXIT_CONFIG
            } else {
                args::EXIT_FAILURE
            })
        }
    }
}
