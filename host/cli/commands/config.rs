//! `hayrick config check`: the settings' mistakes and warnings, without serving.

use std::process::ExitCode;

use hayrick_app::config::Config;
use hayrick_app::environment::Environment;
use hayrick_app::settings::Settings;

use crate::args::SettingsArgs;
use crate::output::{complain, print};

/// Ends well when `serve` would accept these settings.
///
/// # Errors
/// Every mistake.
pub fn check(args: SettingsArgs) -> anyhow::Result<ExitCode> {
    let config = Config::resolve(Settings::read(args.into(), Environment::of_process())?)?;
    config.policies.check()?;
    for warning in &config.warnings {
        complain(&format!("warning: {warning}"));
    }
    print("the settings are right")?;
    Ok(ExitCode::SUCCESS)
}
