//! `hayrick jobs`: manages the background jobs of a running server.

mod list;
mod view;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::view::{Outcome, describe, outcome};
use crate::args::{EXIT_ABSENT, EXIT_FAILURE, JobArgs, JobWaitArgs, JobsCommand};
use crate::http::{Server, path};
use crate::output::{json, print, print_stderr, text_at};

/// How long one request waits; then the next one follows.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Runs one of the subcommands.
///
/// # Errors
/// No server answers, or the server refuses.
pub fn run(command: JobsCommand) -> anyhow::Result<ExitCode> {
    match command {
        JobsCommand::List(args) => list::run(args),
        JobsCommand::Show(args) => show(args),
        JobsCommand::Wait(args) => wait(args),
        JobsCommand::Cancel(args) => change(args, "cancel"),
        JobsCommand::Retry(args) => change(args, "retry"),
    }
}

fn show(args: JobArgs) -> anyhow::Result<ExitCode> {
    let response =
        Server::find(args.address)?.get(&path(&[&args.pipeline, "jobs", &args.id], &[]))?;
    let Some(job) = response.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print_job(&job, args.json)?;
    Ok(code(&job))
}

fn wait(args: JobWaitArgs) -> anyhow::Result<ExitCode> {
    let JobWaitArgs {
        job:
            JobArgs {
                pipeline,
                id,
                address,
                json,
            },
        timeout,
    } = args;
    let server = Server::find(address)?;
    let start = Instant::now();
    loop {
        let wait = timeout.map_or(WAIT_MAX, |timeout| {
            timeout.saturating_sub(start.elapsed()).min(WAIT_MAX)
        });
        let path = path(
            &[&pipeline, "jobs", &id],
            &[("wait", Some(&wait.as_secs_f64().to_string()))],
        );
        let Some(job) = server.get_waiting(&path, wait)?.found()? else {
            return Ok(ExitCode::from(EXIT_ABSENT));
        };
        if outcome(&job) != Outcome::Open {
            print_job(&job, json)?;
            return Ok(code(&job));
        }
        if timeout.is_some_and(|timeout| start.elapsed() >= timeout) {
            print_job(&job, json)?;
            print_stderr(&format!(
                "hayrick: the job is still {}: wait longer with --timeout",
                text_at(&job, "/status")
            ));
            return Ok(ExitCode::from(EXIT_FAILURE));
        }
    }
}

/// Requests a change and shows the job as it then is. The command succeeds even if the job had
/// failed before.
fn change(args: JobArgs, verb: &str) -> anyhow::Result<ExitCode> {
    let response =
        Server::find(args.address)?.post(&path(&[&args.pipeline, "jobs", &args.id, verb], &[]))?;
    let Some(job) = response.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print_job(&job, args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn print_job(job: &Value, as_json: bool) -> std::io::Result<()> {
    print(&if as_json { json(job) } else { describe(job) })
}

fn code(job: &Value) -> ExitCode {
    match outcome(job) {
        Outcome::Open | Outcome::Succeeded => ExitCode::SUCCESS,
        Outcome::Failed => ExitCode::from(EXIT_ABSENT),
    }
}
