//! `hayrick audit`: shows who changed what.

use std::process::ExitCode;

use hayrick_app::keys::audit_log;
use serde_json::Value;

use super::keys::folder;
use crate::key_args::AuditArgs;
use crate::output::{json, print, table, text_at};

/// Prints the newest lines of the log, the newest last.
///
/// # Errors
/// The settings are wrong, or the log cannot be read.
pub fn run(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let (folder, as_json) = folder(args.data)?;
    let lines = audit_log(&folder, args.limit)?;
    if as_json {
        print(&json(&Value::from(lines)))?;
    } else {
        let rows: Vec<_> = lines.iter().map(row).collect();
        print(&table(
            [
                "TIME (UNIX)",
                "ACTOR",
                "ACTION",
                "SUBJECT",
                "OUTCOME",
                "REQUEST",
            ],
            &rows,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(line: &Value) -> [String; 6] {
    let seconds = line.get("at").and_then(Value::as_u64).unwrap_or_default() / 1000;
    let [actor, action, subject, outcome, request] =
        ["/actor", "/action", "/subject", "/outcome", "/request"].map(|path| text_at(line, path));
    [
        seconds.to_string(),
        actor,
        action,
        subject,
        outcome,
        request,
    ]
}
