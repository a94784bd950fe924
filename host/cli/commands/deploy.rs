//! `hayrick deploy` and `hayrick undeploy`: change the pipelines of a running server.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::args::{DeployArgs, EXIT_ABSENT, UndeployArgs};
use crate::http::{Server, path};
use crate::output::{json, print, text_at};

/// A server with the default limits needs less to wait for its turn, compile and set up.
const DEPLOY_TIME_MAX: Duration = Duration::from_secs(900);

/// Sends the file and waits until it serves.
///
/// # Errors
/// The file cannot be read, no server answers, or the server refuses the component; then the old
/// version continues to serve.
pub fn run(args: DeployArgs) -> anyhow::Result<ExitCode> {
    let file = args.file.display();
    let content = std::fs::read(&args.file).with_context(|| format!("cannot read {file}"))?;
    let stem = || {
        args.file
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let name = args.name.clone().or_else(stem).with_context(|| {
        format!("{file} has no file name: set the name of the pipeline with --name")
    })?;
    let response = Server::find(args.address)?.post_waiting(
        &path(&["deploy", &name], &[]),
        &content,
        DEPLOY_TIME_MAX,
    )?;
    if response.status != 200 {
        bail!("{file} is not deployed: {}", response.error());
    }
    let text = |path| text_at(&response.body, path);
    let line = format!(
        "{} serves version {} (sha256:{})",
        text("/name"),
        text("/version/number"),
        text("/version/digest")
    );
    print(&if args.json {
        json(&response.body)
    } else {
        line
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Removes the pipeline and its file.
///
/// # Errors
/// No server answers, or the server refuses.
pub fn undeploy(args: UndeployArgs) -> anyhow::Result<ExitCode> {
    let response = Server::find(args.address)?.post_waiting(
        &path(&["undeploy", &args.name], &[]),
        &[],
        DEPLOY_TIME_MAX,
    )?;
    let Some(_) = response.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print(&format!(
        "{} is undeployed",
        crate::output::printable(&args.name)
    ))?;
    Ok(ExitCode::SUCCESS)
}
