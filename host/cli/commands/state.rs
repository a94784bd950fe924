//! `hayrick state`: what pipelines of a running server keep between runs.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::Value;

use crate::age::{age, until};
use crate::args::{EXIT_ABSENT, StateCommand, StateDeleteArgs, StateListArgs};
use crate::http::{Server, path};
use crate::output::{json, print, printable, table, text_at};

/// Runs one of the subcommands.
///
/// # Errors
/// No server answers, or the server refuses.
pub fn run(command: StateCommand) -> anyhow::Result<ExitCode> {
    match command {
        StateCommand::List(args) => list(args),
        StateCommand::Delete(args) => delete(args),
    }
}

fn list(args: StateListArgs) -> anyhow::Result<ExitCode> {
    let Some(list) = Server::find(args.address)?.get("/state")?.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    if args.json {
        print(&json(&list))?;
        return Ok(ExitCode::SUCCESS);
    }
    let pipelines = list
        .get("data")
        .and_then(Value::as_array)
        .context("the response to GET /state has no pipelines")?;
    let rows: Vec<_> = pipelines.iter().map(row).collect();
    print(&table(
        ["PIPELINE", "KEYS", "BYTES", "REMOVED", "DELETED IN"],
        &rows,
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn row(pipeline: &Value) -> [String; 5] {
    let [name, keys, bytes] = ["/pipeline", "/keys", "/bytes"].map(|path| text_at(pipeline, path));
    let or_dash = |time: Option<String>| time.unwrap_or_else(|| "-".to_owned());
    let removed = age(pipeline, "/removed_at").map(|age| format!("{age} ago"));
    let deleted = until(pipeline, "/deleted_at");
    [name, keys, bytes, or_dash(removed), or_dash(deleted)]
}

fn delete(args: StateDeleteArgs) -> anyhow::Result<ExitCode> {
    let response = Server::find(args.address)?.delete(&path(&[&args.name, "state"], &[]))?;
    let Some(deleted) = response.found()? else {
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print(&format!(
        "deleted the state of {} (keys: {})",
        printable(&args.name),
        text_at(&deleted, "/deleted")
    ))?;
    Ok(ExitCode::SUCCESS)
}
