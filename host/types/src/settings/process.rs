//! Settings of the process: where its files are, and what only flags and variables can set.

use crate::settings::row::{Kind, Preset, Row};

/// The plugins folder.
pub const PLUGINS_DIR: Row = Row::new(
    "plugins_dir",
    Kind::Text("path"),
    Preset::Text("plugins"),
    "Folder with the plugins (`.wasm` files) and their policy files.",
)
.flag("--plugins-dir", "HAYRICK_PLUGINS_DIR");

/// The data folder.
pub const DATA_DIR: Row = Row::new(
    "data_dir",
    Kind::Text("path"),
    Preset::Text(".hayrick"),
    "Folder for compiled plugins, the database, keys and other data.",
)
.flag("--data-dir", "HAYRICK_DATA_DIR");

/// The default model.
pub const DEFAULT_UPSTREAM: Row = Row {
    preset_text: Some("the alias `default`, else the only upstream"),
    ..Row::new(
        "default_upstream",
        Kind::Text("alias"),
        Preset::Absent("the built-in model"),
        "Upstream to use when a plugin names none.",
    )
};

/// The top level of `hayrick.toml`. Functions read these rows.
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

/// Whether an address that other machines can reach may be open.
pub const INSECURE: Row = Row::new(
    "",
    Kind::Flag,
    Preset::Flag(false),
    "Listen on an address that other machines can reach, and accept requests without a key.",
)
.flag("--insecure", "HAYRICK_INSECURE");

/// The default log filter.
pub const LOG_FILTER_DEFAULT: &str = "info";

/// The log filter.
pub const LOG: Row = Row::new(
    "",
    Kind::Text("filter"),
    Preset::Text(LOG_FILTER_DEFAULT),
    "Log filter: a level, or for example `warn,hayrick_runtime=debug`.",
)
.flag("--log", "HAYRICK_LOG");

/// The log format.
pub const LOG_FORMAT: Row = Row::new(
    "",
    Kind::Choice(&["text", "json"]),
    Preset::Text("text"),
    "Format of log lines.",
)
.flag("--log-format", "HAYRICK_LOG_FORMAT");

/// Flags of `hayrick serve` that cannot be set in a file.
pub const FLAG_ROWS: &[Row] = &[CONFIG, INSECURE, LOG, LOG_FORMAT];

/// The base URL of OpenAI.
pub const OPENAI_BASE_URL_DEFAULT: &str = "https://api.openai.com/v1";
/// The default model there.
pub const OPENAI_MODEL_DEFAULT: &str = "gpt-4o-mini";

/// Variables that do not belong to a flag of `hayrick serve`.
pub const VARIABLE_ROWS: &[Row] = &[
    Row::new(
        "",
        Kind::Text("secret"),
        Preset::Absent("no key"),
        "API key that commands send to a running server. Those commands also have the flag \
         `--api-key`.",
    )
    .variable("HAYRICK_API_KEY"),
    Row::new(
        "",
        Kind::Text("URL"),
        Preset::Text(OPENAI_BASE_URL_DEFAULT),
        "Base URL of the upstream `default`, if this or `OPENAI_API_KEY` is set and the file does \
         not define that upstream.",
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
        "If set to any value, log lines are not coloured.",
    )
    .variable("NO_COLOR"),
];
