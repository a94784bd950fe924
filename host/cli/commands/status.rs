//! `hayrick status`: shows the pipelines of a running server.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::args::{EXIT_ABSENT, StatusArgs};
use crate::http::Server;
use crate::output::{json, print, print_stderr, printable, table, text_at};

/// Characters of a digest that identify a version.
const DIGEST_SHORT: usize = 12;

/// Prints all pipelines, or the named one.
///
/// # Errors
/// No server answers, or the server is not Hayrick.
pub fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let server = Server::find(args.address)?;
    let response = server.get("/status")?;
    if response.status != 200 {
        bail!("{server} refuses to show its status: {}", response.error());
    }
    let status = response.body;
    let pipelines = status
        .get("deployments")
        .and_then(Value::as_array)
        .context("the response to GET /status has no deployments: the server is not Hayrick")?;
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
        .find(|pipeline| text_at(pipeline, "/name") == name)
    else {
        print_stderr(&format!(
            "hayrick: {server} has no pipeline '{}'",
            printable(&name)
        ));
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print(&if args.json {
        json(pipeline)
    } else {
        show(std::slice::from_ref(pipeline))
    })?;
    Ok(if text_at(pipeline, "/state") == "failed" {
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
    let digest = text_at(pipeline, "/version/digest")
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
    .map(|path| text_at(pipeline, path));
    let [name, state, _, number, runs, reason] = cells;
    [name, state, digest, number, runs, reason]
}
