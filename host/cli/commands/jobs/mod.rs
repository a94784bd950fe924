//! `hayrick jobs`: the background jobs of a running server.

mod list;
mod view;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::view::{Ending, ending, show};
use crate::args::{EXIT_ABSENT, EXIT_FAILURE, JobArgs, JobWaitArgs, JobsCommand};
use crate::http::{Server, path};
use crate::output::{complain, json, print, word};

/// How long one request waits; then another follows.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Runs one of the subcommands.
///
/// # Errors
/// No server answers, or it refuses.
pub fn run(command: JobsCommand) -> anyhow::Result<ExitCode> {
    match command {
        JobsCommand::List(args) => list::run(args),
        JobsCommand::Show(args) => look(args),
        JobsCommand::Wait(args) => wait(args),
        JobsCommand::Cancel(args) => change(args, "cancel"),
        JobsCommand::Retry(args) => change(args, "retry"),
    }
}

fn look(args: JobArgs) -> anyhow::Result<ExitCode> {
    let answer =
        Server::find(args.address)?.get(&path(&[&args.pipeline, "jobs", &args.id], &[]))?;
    let Some(job) = answer.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    tell(&job, args.json)?;
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
        let Some(job) = server.get_patiently(&path, wait)?.found()? else {
            return Ok(ExitCode::from(EXIT_ABSENT));
        };
        if ending(&job) != Ending::None {
            tell(&job, json)?;
            return Ok(code(&job));
        }
        if timeout.is_some_and(|timeout| start.elapsed() >= timeout) {
            tell(&job, json)?;
            complain(&format!(
                "hayrick: the job is still {}: wait longer with --timeout",
                word(&job, "/status")
            ));
            return Ok(ExitCode::from(EXIT_FAILURE));
        }
    }
}

/// Asks for a change and shows the job as it then is; that it had failed before is no failure of
/// this.
fn change(args: JobArgs, verb: &str) -> anyhow::Result<ExitCode> {
    let answer =
        Server::find(args.address)?.post(&path(&[&args.pipeline, "jobs", &args.id, verb], &[]))?;
    let Some(job) = answer.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    tell(&job, args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(job: &Value, as_json: bool) -> std::io::Result<()> {
    print(&if as_json { json(job) } else { show(job) })
}

fn code(job: &Value) -> ExitCode {
    match ending(job) {
        Ending::None | Ending::Good => ExitCode::SUCCESS,
        Ending::Bad => ExitCode::from(EXIT_ABSENT),
    }
}
