//! `hayrick inspect FILE.wasm`.

use std::process::ExitCode;

use host_app::environment::Environment;
use host_app::inspect::inspect;
use host_app::settings::{Flags, Settings};
use serde_json::json;

use crate::args::{EXIT_FAILURE, InspectArgs};
use crate::output::{self, harmless, print};

/// Prints what the file is; ends with 1 if it would not deploy.
///
/// # Errors
/// The file cannot be read, or the settings have mistakes.
pub fn run(args: InspectArgs) -> anyhow::Result<ExitCode> {
    let flags = Flags { config: args.config, ..Flags::default() };
    let found = inspect(Settings::read(flags, Environment::of_process())?, &args.file)?;
    let reason = found.deployable.as_ref().err();
    if args.json {
        let shown = json!({
            "name": found.name, "size_bytes": found.size_bytes, "digest": found.digest,
            "exports": found.exports, "imports": found.imports, "deployable": reason.is_none(), "reason": reason,
        });
        print(&output::json(&shown))?;
    } else {
        let verdict = reason.map_or_else(|| "yes".to_owned(), |reason| format!("no: {}", harmless(reason)));
        let digest = if found.digest.is_empty() { "not read".to_owned() } else { format!("sha256:{}", found.digest) };
        print(&format!("name      {}\nsize      {} bytes\ndigest    {digest}", harmless(&found.name), found.size_bytes))?;
        print(&format!("exports   {}\nimports   {}\ndeploys   {verdict}", list(&found.exports), list(&found.imports)))?;
    }
    Ok(if reason.is_none() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILURE) })
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| harmless(name)).collect::<Vec<_>>().join("\n          "),
    }
}
