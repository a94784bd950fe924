//! `hayrick jobs list`: reads pages until there are enough jobs.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::view::row;
use crate::args::{EXIT_ABSENT, JobListArgs};
use crate::http::{Server, path};
use crate::output::{self, print, print_stderr, table};

/// Jobs of one page; the server sends fewer if they are large.
const PAGE_MAX: usize = 1000;

/// Prints the jobs.
///
/// # Errors
/// No server answers, or the server refuses.
pub fn run(args: JobListArgs) -> anyhow::Result<ExitCode> {
    let server = Server::find(args.address)?;
    let wanted = if args.all { usize::MAX } else { args.limit };
    let (mut jobs, mut next, mut counts) = (Vec::new(), None::<String>, Value::Null);
    loop {
        let limit = (wanted - jobs.len()).min(PAGE_MAX).to_string();
        let query = [
            ("status", args.status.as_deref()),
            ("type", args.kind.as_deref()),
            ("limit", Some(limit.as_str())),
            ("before", next.as_deref()),
        ];
        let Some(mut page) = server
            .get(&path(&[&args.pipeline, "jobs"], &query))?
            .found()?
        else {
            return Ok(ExitCode::from(EXIT_ABSENT));
        };
        let more = page
            .pointer_mut("/data")
            .and_then(Value::as_array_mut)
            .map(std::mem::take)
            .unwrap_or_default();
        next = page
            .pointer("/next")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .filter(|_| !more.is_empty());
        jobs.extend(more.into_iter().take(wanted - jobs.len()));
        counts = page.pointer_mut("/counts").map_or(counts, Value::take);
        if next.is_none() || jobs.len() >= wanted {
            break;
        }
    }
    let has_more = next.is_some();
    if args.json {
        print(&output::json(
            &json!({"object": "list", "data": jobs, "next": next, "counts": counts}),
        ))?;
    } else {
        print_table(&jobs)?;
    }
    if has_more {
        print_stderr("hayrick: there are more jobs: raise --limit, or use --all");
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table(jobs: &[Value]) -> std::io::Result<()> {
    let rows: Vec<_> = jobs.iter().map(row).collect();
    print(&table(
        [
            "ID", "STATUS", "TYPE", "ATTEMPT", "PROGRESS", "AGE", "ERROR",
        ],
        &rows,
    ))
}
