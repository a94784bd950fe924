//! The commands, one file each.

mod audit;
mod compile;
mod config;
mod deploy;
mod grant;
mod inspect;
mod jobs;
mod keys;
mod serve;
mod state;
mod status;

use std::process::ExitCode;

use clap::ArgMatches;

use crate::args::{Args, Command, ConfigCommand};

/// Runs the command of `args`, which were parsed from `matches`, and returns its exit code.
///
/// # Errors
/// The message for the user; a `ConfigError` is about the settings.
pub fn run(args: Args, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve(args) => serve::run(args),
        Command::Status(args) => status::run(args),
        Command::Deploy(args) => deploy::run(args),
        Command::Undeploy(args) => deploy::undeploy(args),
        Command::Jobs(command) => jobs::run(command),
        Command::State(command) => state::run(command),
        Command::Inspect(args) => inspect::run(args),
        Command::Grant(args) => grant::run(args),
        Command::Keys(command) => keys::run(command),
        Command::Audit(args) => audit::run(args),
        Command::Compile(args) => compile::run(&args),
        Command::Config(ConfigCommand::Check(args)) => config::check(args),
        Command::Config(ConfigCommand::Show(args)) => config::show_all(args, matches),
    }
}
