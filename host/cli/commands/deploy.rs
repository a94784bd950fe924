//! `hayrick deploy` and `hayrick undeploy`: over HTTP, as any client would.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::args::{DeployArgs, EXIT_ABSENT, UndeployArgs};
use crate::http::{Server, path};
use crate::output::{json, print, word};

/// Longer than a server with the default limits takes to wait for its turn, compile and set up.
const PATIENCE: Duration = Duration::from_secs(900);

/// Sends the file and waits until it serves.
///
/// # Errors
/// The file cannot be read, no server answers, or it refuses the component; then the old version
/// serves on.
pub fn run(args: DeployArgs) -> anyhow::Result<ExitCode> {
    let shown = args.file.display();
    let content = std::fs::read(&args.file).with_context(|| format!("{shown} cannot be read"))?;
    let of_file = || {
        args.file
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let name = args
        .name
        .clone()
        .or_else(of_file)
        .with_context(|| format!("{shown} has no name: give one with --name"))?;
    let answer = Server::find(args.address)?.post_patiently(
        &path(&["deploy", &name], &[]),
        &content,
        PATIENCE,
    )?;
    if answer.status != 200 {
        bail!("{shown} is not deployed: {}", answer.error());
    }
    let text = |path| word(&answer.body, path);
    let line = format!(
        "{} serves version {} (sha256:{})",
        text("/name"),
        text("/version/number"),
        text("/version/digest")
    );
    print(&if args.json { json(&answer.body) } else { line })?;
    Ok(ExitCode::SUCCESS)
}

/// Removes the pipeline and its file.
///
/// # Errors
/// No server answers, or it refuses.
pub fn undo(args: UndeployArgs) -> anyhow::Result<ExitCode> {
    let answer = Server::find(args.address)?.post_patiently(
        &path(&["undeploy", &args.name], &[]),
        &[],
        PATIENCE,
    )?;
    let Some(_) = answer.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print(&format!(
        "{} is undeployed",
        crate::output::harmless(&args.name)
    ))?;
    Ok(ExitCode::SUCCESS)
}
