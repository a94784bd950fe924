//! `hayrick status`: asks a running server over HTTP, as any client would.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::args::{EXIT_ABSENT, StatusArgs};
use crate::http::Server;
use crate::output::{complain, harmless, json, print, table, word};

/// Enough of a digest to tell versions apart.
const DIGEST_SHORT: usize = 12;

/// Prints the pipelines, or the one that was named.
///
/// # Errors
/// No server answers there, or something that is no Hayrick does.
pub fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let server = Server::find(args.address)?;
    let answer = server.get("/status")?;
    if answer.status != 200 {
        bail!(
            "{server} answers /status with {}: is that a Hayrick?",
            answer.error()
        );
    }
    let status = answer.body;
    let pipelines = status
        .get("pipelines")
        .and_then(Value::as_array)
        .context("the answer of /status is not Hayrick's")?;
    let Some(name) = args.name else {
        print(&if args.json {
            json(&status)
        } else {
            show(pipelines)
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(pipeline) = pipelines
        .iter()
        .find(|pipeline| word(pipeline, "/name") == name)
    else {
        complain(&format!(
            "hayrick: {server} has no pipeline '{}'",
            harmless(&name)
        ));
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print(&if args.json {
        json(pipeline)
    } else {
        show(std::slice::from_ref(pipeline))
    })?;
    Ok(if word(pipeline, "/state") == "failed" {
        ExitCode::from(EXIT_ABSENT)
    } else {
        ExitCode::SUCCESS
    })
}

fn show(pipelines: &[Value]) -> String {
    let rows: Vec<_> = pipelines.iter().map(row).collect();
    table(
        ["NAME", "STATE", "VERSION", "VERSION", "RUNS", "LAST ERROR"],
        &rows,
    )
}

fn row(pipeline: &Value) -> [String; 6] {
    let digest = word(pipeline, "/version/digest")
        .chars()
        .take(DIGEST_SHORT)
        .collect();
    let cells = [
        "/name",
        "/state",
        "",
        "/version/number",
        "/total_runs",
        "/last_error/reason",
    ]
    .map(|path| word(pipeline, path));
    let [name, state, _, number, runs, reason] = cells;
    [name, state, digest, number, runs, reason]
}
