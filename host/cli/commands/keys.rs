//! `hayrick keys`: changes the keys in the data folder, which a running server watches.

use std::path::PathBuf;
use std::process::ExitCode;

use hayrick_app::keys::{self, KeyRequest};
use hayrick_app::settings::config::data_dir;
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::sources::Sources;
use serde_json::Value;

use crate::args::EXIT_ABSENT;
use crate::key_args::{DataArgs, KeyCreateArgs, KeyRevokeArgs, KeysCommand};
use crate::output::{json, print, print_stderr, printable, table, text_at};

/// Runs one of the subcommands.
///
/// # Errors
/// The settings or an argument are wrong, or the data folder cannot be used.
pub fn run(command: KeysCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::Create(args) => create(args),
        KeysCommand::List(args) => list(args),
        KeysCommand::Revoke(args) => revoke(args),
    }
}

/// The data folder, and whether to print JSON.
pub fn folder(args: DataArgs) -> anyhow::Result<(PathBuf, bool)> {
    let as_json = args.json;
    Ok((
        data_dir(Sources::read(args.into(), Environment::of_process())?)?,
        as_json,
    ))
}

fn create(args: KeyCreateArgs) -> anyhow::Result<ExitCode> {
    let (folder, as_json) = folder(args.data)?;
    let request = KeyRequest {
        name: args.name,
        scopes: args.scopes,
        pipelines: args.pipelines,
        rate: args.rate,
        burst: args.burst,
        concurrency_max: args.concurrency,
        expires_in: args.expires.map(|expires| expires.as_secs()),
    };
    let key = keys::create(&folder, request)?;
    // Stdout has the key alone, so that a script can read it.
    print(&if as_json {
        json(&key)
    } else {
        text_at(&key, "/key")
    })?;
    if !as_json {
        let id = text_at(&key, "/id");
        print_stderr(&format!(
            "hayrick: this is the only time that the key {id} is shown: store it safely"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: DataArgs) -> anyhow::Result<ExitCode> {
    let (folder, as_json) = folder(args)?;
    let keys = keys::list(&folder)?;
    if as_json {
        print(&json(&Value::from(keys)))?;
    } else {
        let rows: Vec<_> = keys.iter().map(row).collect();
        print(&table(
            [
                "ID",
                "NAME",
                "STATUS",
                "SCOPES",
                "PIPELINES",
                "RATE",
                "CONCURRENCY",
            ],
            &rows,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: KeyRevokeArgs) -> anyhow::Result<ExitCode> {
    let (folder, as_json) = folder(args.data)?;
    let Some(key) = keys::revoke(&folder, &args.id)? else {
        print_stderr(&format!(
            "hayrick: there is no key '{}': `hayrick keys list` shows the keys",
            printable(&args.id)
        ));
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print(&if as_json {
        json(&key)
    } else {
        format!("{} is revoked", text_at(&key, "/id"))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row(key: &Value) -> [String; 7] {
    let [id, name, status, rate, concurrency] =
        ["/id", "/name", "/status", "/rate", "/concurrency_max"].map(|path| text_at(key, path));
    [
        id,
        name,
        status,
        names(key, "scopes", "-"),
        names(key, "pipelines", "all"),
        rate,
        concurrency,
    ]
}

fn names(key: &Value, field: &str, absent: &str) -> String {
    let names = key.get(field).and_then(Value::as_array);
    let names = names.map(|names| {
        names
            .iter()
            .filter_map(Value::as_str)
            .map(printable)
            .collect::<Vec<_>>()
            .join(",")
    });
    names.unwrap_or_else(|| absent.to_owned())
}
