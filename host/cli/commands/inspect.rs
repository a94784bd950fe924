//! `hayrick inspect FILE.wasm`: shows a plugin, or with `--diff` how it differs from another
//! version.

use std::path::Path;
use std::process::ExitCode;

use hayrick_app::inspect::{Judged, diff, inspect};
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::sources::Sources;
use serde_json::json;

use crate::args::{EXIT_FAILURE, InspectArgs};
use crate::output::{self, print, printable};

/// Prints what the file contains; exits with 1 if it cannot be deployed. With `--diff`, prints the
/// difference, and exits with 1 if the file imports more interfaces.
///
/// # Errors
/// The file cannot be read, or the settings have mistakes.
pub fn run(args: InspectArgs) -> anyhow::Result<ExitCode> {
    let sources = Sources::read(args.folders.into(), Environment::of_process())?;
    if let Some(old) = &args.diff {
        return show_difference(sources, &args.file, old.as_deref(), args.json);
    }
    let judged = inspect(sources, &args.file)?;
    if args.json {
        show_json(&judged)?
    } else {
        show(&judged)?
    }
    Ok(if judged.deployable.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_FAILURE)
    })
}

fn show_difference(
    sources: Sources,
    new: &Path,
    old: Option<&Path>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let lines = diff(sources, new, old)?;
    let asks_more = lines.iter().any(|line| line.starts_with("+ asks for"));
    if as_json {
        print(&output::json(
            &json!({ "difference": lines, "asks_more": asks_more }),
        ))?;
    } else if lines.is_empty() {
        print("no difference")?;
    } else {
        print(&printable_lines(&lines))?;
    }
    Ok(if asks_more {
        ExitCode::from(EXIT_FAILURE)
    } else {
        ExitCode::SUCCESS
    })
}

fn printable_lines(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| printable(line))
        .collect::<Vec<_>>()
        .join("\n")
}

fn show_json(judged: &Judged) -> std::io::Result<()> {
    let found = &judged.inspection;
    let reason = judged.deployable.as_ref().err();
    print(&output::json(&json!({
        "name": found.name, "size_bytes": found.size_bytes, "digest": found.digest, "exports": found.exports, "imports": found.imports,
        "asks": judged.asks, "granted": judged.granted, "asked_before": judged.asked_before,
        "deployable": reason.is_none(), "reason": reason,
    })))
}

fn show(judged: &Judged) -> std::io::Result<()> {
    let found = &judged.inspection;
    let deploys = judged.deployable.as_ref().err().map_or_else(
        || "yes".to_owned(),
        |reason| format!("no: {}", printable(reason)),
    );
    let digest = if found.digest.is_empty() {
        "not read".to_owned()
    } else {
        format!("sha256:{}", found.digest)
    };
    print(&format!(
        "name      {}\nsize      {} bytes\ndigest    {digest}",
        printable(&found.name),
        found.size_bytes
    ))?;
    print(&format!(
        "exports   {}\nimports   {}",
        list(&found.exports),
        list(&found.imports)
    ))?;
    print(&format!(
        "asks      {}\ngranted   {}\ndeploys   {deploys}",
        named(&judged.asks),
        named(&judged.granted)
    ))
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names
            .iter()
            .map(|name| printable(name))
            .collect::<Vec<_>>()
            .join("\n          "),
    }
}

fn named(interfaces: &[&str]) -> String {
    if interfaces.is_empty() {
        "none".to_owned()
    } else {
        interfaces.join(", ")
    }
}
