//! `hayrick config`: checks and shows the settings, without serving.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::ArgMatches;
use clap::parser::ValueSource;
use hayrick_app::settings::config::Config;
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::flags::Flags;
use hayrick_app::settings::page;
use hayrick_app::settings::show::{LogFlags, show};
use hayrick_app::settings::sources::Sources;

use crate::args::{ConfigShowArgs, SettingsArgs};
use crate::output::{self, print, print_stderr};

/// Succeeds if `serve` would accept these settings.
///
/// # Errors
/// Every mistake.
pub fn check(args: SettingsArgs) -> anyhow::Result<ExitCode> {
    let config = Config::resolve(Sources::read(args.into(), Environment::of_process())?)?;
    config.policies.check()?;
    for warning in &config.warnings {
        print_stderr(&format!("warning: {warning}"));
    }
    print("the settings are valid")?;
    Ok(ExitCode::SUCCESS)
}

/// Prints every setting in force.
///
/// # Errors
/// Every mistake in the settings.
pub fn show_all(args: ConfigShowArgs, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let log = LogFlags {
        filter: args.serve.log,
        format: args.serve.log_format,
    };
    let flags = Flags {
        on_command_line: on_command_line(matches),
        ..args.serve.settings.into()
    };
    let sources = Sources::read(flags, Environment::of_process())?;
    let shown = show(sources, &log, args.plugin.as_deref())?;
    print(&if args.json {
        output::json(&shown.json())
    } else {
        shown.text()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The flags that were given on the command line, not by their variables.
fn on_command_line(matches: &ArgMatches) -> BTreeSet<&'static str> {
    // The matches of `config show`, two commands further down.
    let mut matches = matches;
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    let flags = page::flags().into_iter().map(|(flag, _)| flag);
    flags
        .filter(|flag| {
            let id = flag.trim_start_matches('-').replace('-', "_");
            matches.value_source(&id) == Some(ValueSource::CommandLine)
        })
        .collect()
}
