//! `hayrick config check`: shows mistakes and warnings in the settings, without serving.

use std::process::ExitCode;

use hayrick_app::config::Config;
use hayrick_app::environment::Environment;
use hayrick_app::settings::Settings;

use crate::args::SettingsArgs;
use crate::output::{print, print_stderr};

/// Succeeds if `serve` would accept these settings.
///
/// # Errors
/// Every mistake.
pub fn check(args: SettingsArgs) -> anyhow::Result<ExitCode> {
    let config = Config::resolve(Settings::read(args.into(), Environment::of_process())?)?;
    config.policies.check()?;
    for warning in &config.warnings {
        print_stderr(&format!("warning: {warning}"));
    }
    print("the settings are valid")?;
    Ok(ExitCode::SUCCESS)
}
