//! `hayrick grant NAME [INTERFACE…]`: writes grants into a policy file.

use std::process::ExitCode;

use hayrick_app::grant::grant;
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::sources::Sources;

use crate::args::GrantArgs;
use crate::output::print;

/// Writes the grant and prints it.
///
/// # Errors
/// Nothing could be granted.
pub fn run(args: GrantArgs) -> anyhow::Result<ExitCode> {
    let granted = grant(
        Sources::read(args.folders.into(), Environment::of_process())?,
        &args.name,
        &args.interfaces,
    )?;
    let added = if granted.added.is_empty() {
        "nothing new".to_owned()
    } else {
        granted.added.join(", ")
    };
    print(&format!(
        "granted   {added}\nin        {}\nhas now   {}",
        granted.file.display(),
        granted.named.join(", ")
    ))?;
    Ok(ExitCode::SUCCESS)
}
