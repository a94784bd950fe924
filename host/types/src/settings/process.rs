//! Settings of the process: where its files are, and what only flags and variables say.

use crate::settings::row::{Kind, Preset, Row};

/// Where the plugins are.
pub const PLUGINS_DIR: Row = Row::new(
    "plugins_dir",
    Kind::Text("path"),
    Preset::Text("plugins"),
    "Folder whose `.wasm` files are served, with their policy files.",
)
.flag("--plugins-dir", "HAYRICK_PLUGINS_DIR");

/// Where the data is.
pub const DATA_DIR: Row = Row::new(
    "data_dir",
    Kind::Text("path"),
    Preset::Text(".hayrick"),
    "Folder for compiled plugins, the database, keys and other data.",
)
.flag("--data-dir", "HAYRICK_DATA_DIR");

/// Which model answers by default.
pub const DEFAULT_UPSTREAM: Row = Row {
    preset_text: Some("the alias `default`, else the only upstream"),
    ..Row::new(
        "default_upstream",
        Kind::Text("alias"),
        Preset::Absent("the built-in model"),
        "Upstream that answers when a plugin names none.",
    )
};

/// The top of `hayrick.toml`; functions read these.
pub const TOP_ROWS: &[Row] = &[PLUGINS_DIR, DATA_DIR, DEFAULT_UPSTREAM];

/// The settings file.
pub const CONFIG: Row = Row {
    preset_text: Some("`hayrick.toml`, if it is there"),
    ..Row::new(
        "",
        Kind::Text("path"),
        Preset::Text("hayrick.toml"),
        "Settings file.",
    )
}
.flag("--config", "HAYRICK_CONFIG");

/// Whether an address that others reach may be open.
pub const INSECURE: Row = Row::new(
    "",
    Kind::Flag,
    Preset::Flag(false),
    "Serve on an address that other machines reach, and accept requests without a key.",
)
.flag("--insecure", "HAYRICK_INSECURE");

/// What is logged when no filter is given.
pub const LOG_FILTER_DEFAULT: &str = "info";

/// What is logged.
pub const LOG: Row = Row::new(
    "",
    Kind::Text("filter"),
    Preset::Text(LOG_FILTER_DEFAULT),
    "What is logged: a level, or for example `warn,hayrick_runtime=debug`.",
)
.flag("--log", "HAYRICK_LOG");

/// How it is logged.
pub const LOG_FORMAT: Row = Row::new(
    "",
    Kind::Choice(&["text", "json"]),
    Preset::Text("text"),
    "Form of log lines.",
)
.flag("--log-format", "HAYRICK_LOG_FORMAT");

/// Flags of `hayrick serve` that no file can set.
pub const FLAG_ROWS: &[Row] = &[CONFIG, INSECURE, LOG, LOG_FORMAT];

/// Where OpenAI's own models are.
pub const OPENAI_BASE_URL_DEFAULT: &str = "https://api.openai.com/v1";
/// The model that answers there by default.
pub const OPENAI_MODEL_DEFAULT: &str = "gpt-4o-mini";

/// Variables that are not the variable of a flag of `hayrick serve`.
pub const VARIABLE_ROWS: &[Row] = &[
    Row::new(
        "",
        Kind::Text("secret"),
        Preset::Absent("no key"),
        "API key that commands show to a running server; also `--api-key` of those commands.",
    )
    .variable("HAYRICK_API_KEY"),
    Row::new(
        "",
        Kind::Text("URL"),
        Preset::Text(OPENAI_BASE_URL_DEFAULT),
        "Address of the upstream `default`, if this or `OPENAI_API_KEY` is set and the file has no \
         such upstream.",
    )
    .variable("OPENAI_BASE_URL"),
    Row::new(
        "",
        Kind::Text("secret"),
        Preset::Absent("no key"),
        "API key of that upstream.",
    )
    .variable("OPENAI_API_KEY"),
    Row::new(
        "",
        Kind::Text("text"),
        Preset::Text(OPENAI_MODEL_DEFAULT),
        "Model of that upstream.",
    )
    .variable("OPENAI_MODEL"),
    Row::new(
        "",
        Kind::Text("text"),
        Preset::Absent("colours on a terminal"),
        "Set to anything, it turns colours in log lines off.",
    )
    .variable("NO_COLOR"),
];
