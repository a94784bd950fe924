//! `hayrick keys`: works on the data folder, which a running server follows.

use std::path::PathBuf;
use std::process::ExitCode;

use hayrick_app::keys::{self, KeyRequest};
use hayrick_app::settings::config::data_dir;
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::sources::Sources;
use serde_json::Value;

use crate::args::EXIT_ABSENT;
use crate::key_args::{DataArgs, KeyCreateArgs, KeyRevokeArgs, KeysCommand};
use crate::output::{complain, harmless, json, print, table, word};

/// Runs one of the subcommands.
///
/// # Errors
/// The settings or a word of the command are wrong, or the data folder cannot be used.
pub fn run(command: KeysCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::Create(args) => create(args),
        KeysCommand::List(args) => list(args),
        KeysCommand::Revoke(args) => revoke(args),
    }
}

/// The folder that is meant, and whether JSON is wanted.
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
    // The key alone goes to stdout, so that a script can take it.
    print(&if as_json {
        json(&key)
    } else {
        word(&key, "/key")
    })?;
    if !as_json {
        let id = word(&key, "/id");
        complain(&format!(
            "hayrick: this is the only time key {id} is shown: keep it where secrets are kept"
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
        complain(&format!(
            "hayrick: there is no key '{}': `hayrick keys list` shows those there are",
            harmless(&args.id)
        ));
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    print(&if as_json {
        json(&key)
    } else {
        format!("{} is revoked", word(&key, "/id"))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row(key: &Value) -> [String; 7] {
    let [id, name, status, rate, concurrency] =
        ["/id", "/name", "/status", "/rate", "/concurrency_max"].map(|path| word(key, path));
    [
        id,
        name,
        status,
        words(key, "scopes", "-"),
        words(key, "pipelines", "all"),
        rate,
        concurrency,
    ]
}

fn words(key: &Value, field: &str, none: &str) -> String {
    let words = key.get(field).and_then(Value::as_array);
    let words = words.map(|words| {
        words
            .iter()
            .filter_map(Value::as_str)
            .map(harmless)
            .collect::<Vec<_>>()
            .join(",")
    });
    words.unwrap_or_else(|| none.to_owned())
}
