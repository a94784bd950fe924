//! Log lines. They go to stderr, so that stdout stays free for data.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use hayrick_types::settings::process::{LOG, LOG_FILTER_DEFAULT};

use crate::settings::environment::Environment;
use crate::settings::mistake::ConfigError;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging with a filter such as `warn,hayrick_runtime=debug`.
///
/// # Errors
/// The filter is invalid.
pub fn start_logging(
    filter: Option<&str>,
    format: LogFormat,
    environment: &Environment,
) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(filter.unwrap_or(LOG_FILTER_DEFAULT)).map_err(|error| {
        ConfigError::one(
            LOG.flag.unwrap_or_default(),
            format!("{error}: write something like \"info\""),
        )
    })?;
    let is_coloured = stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    // Without `log_internal_errors(false)` a closed stderr makes the next log line panic.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(is_coloured)
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // Fails only if logging was already started in this process, which is fine.
    started.or(Ok(()))
}
