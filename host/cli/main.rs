//! The program `hayrick`: reads the command line, runs one command, and turns its result into an
//! exit code.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod http;
mod key_args;
mod output;

use std::process::ExitCode;

use clap::Parser;
use hayrick_app::mistake::ConfigError;

use crate::args::Args;
use crate::output::print_stderr;

fn main() -> ExitCode {
    match commands::run(Args::parse()) {
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
