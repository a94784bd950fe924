//! Log lines. They go to stderr, so that stdout stays free for data.

use std::io::{IsTerminal, stderr};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

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

/// Lines that wait for a slow reader of the log; about 10 MiB.
const LINES_MAX: usize = 32_768;

/// Log lines leave by a thread of their own. Dropping this writes the last of them, unless nobody
/// reads.
pub struct Logging {
    dropped: ErrorCounter,
    _writer: WorkerGuard,
}

impl Logging {
    /// Counts the lines that were dropped because nobody read the log fast enough.
    pub fn dropped(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let dropped = self.dropped.clone();
        move || dropped.dropped_lines() as u64
    }
}

/// Starts logging with a filter such as `warn,hayrick_runtime=debug`. A log that nobody reads does
/// not block the server: lines are dropped and counted.
///
/// # Errors
/// The filter is invalid.
pub fn start_logging(
    filter: Option<&str>,
    format: LogFormat,
    environment: &Environment,
) -> Result<Logging, ConfigError> {
    let text = filter.map(str::trim).filter(|filter| !filter.is_empty());
    let filter = parse(text.unwrap_or(LOG_FILTER_DEFAULT)).map_err(|error| {
        ConfigError::one(
            LOG.flag.unwrap_or_default(),
            format!("{error}: write something like \"info\" or \"warn,hayrick_runtime=debug\""),
        )
    })?;
    let is_coloured = stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_MAX)
        .thread_name("hayrick-log")
        .finish(stderr());
    let dropped = writer.error_counter();
    // Without `log_internal_errors(false)` a closed stderr makes the next log line panic.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(is_coloured)
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // Fails only if logging was already started in this process, which is fine.
    let _ = started;
    Ok(Logging {
        dropped,
        _writer: guard,
    })
}

/// Reads a filter. A word alone must be a level: as the name of a module it would turn everything
/// else off, which nobody means.
fn parse(text: &str) -> Result<EnvFilter, String> {
    let words = text.split(',').map(str::trim);
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    for word in words.filter(|word| !word.contains(['=', '[', ':'])) {
        if !is_level(word) {
            return Err(format!(
                "'{word}' is not a level: use off, error, warn, info, debug or trace"
            ));
        }
    }
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_levels_and_targets_with_levels() {
        for good in [
            "info",
            "WARN",
            "warn,hayrick_runtime=debug",
            "off",
            "hayrick_api[run]=debug",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["inffo", "hayrick_runtime", "hayrick=inffo", "info;debug"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
