//! Writes the log lines of a guest to the log of the host. Their number and length are limited, and
//! each message stays on one line whatever it contains.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hayrick_types::id::RunId;
use hayrick_types::limit_name::LimitName;

use crate::bindings::hayrick::pipeline::types;
use crate::log_rate::LineOutcome;
use crate::plugin_share::PluginShare;

/// How much a run may log.
#[derive(Debug, Clone, Copy)]
pub struct LogLimits {
    /// Lines per run.
    pub lines_max: u32,
    /// Bytes per line; longer lines are truncated.
    pub line_bytes_max: usize,
    /// Lines per second, over all runs of the plugin.
    pub lines_per_second_max: u32,
}

/// The log of one run. Lines from `log` and lines written to stdout and stderr count together.
#[derive(Debug)]
pub struct GuestLog {
    pipeline: Arc<str>,
    /// Changes when a warm instance starts its next run.
    run: RwLock<RunId>,
    limits: LogLimits,
    share: Arc<PluginShare>,
    lines: AtomicU32,
}

impl GuestLog {
    /// Creates the log of the run `run` of `pipeline`.
    pub fn new(
        pipeline: Arc<str>,
        run: RunId,
        limits: LogLimits,
        share: Arc<PluginShare>,
    ) -> GuestLog {
        GuestLog {
            pipeline,
            run: RwLock::new(run),
            limits,
            share,
            lines: AtomicU32::new(0),
        }
    }

    /// Starts another run: the lines that follow belong to it.
    pub(crate) fn begin(&self, run: RunId) {
        *self.run.write().unwrap_or_else(PoisonError::into_inner) = run;
        self.lines.store(0, Ordering::Relaxed);
    }

    fn run(&self) -> RunId {
        *self.run.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The maximum length of a line, in bytes.
    pub(crate) fn line_bytes_max(&self) -> usize {
        self.limits.line_bytes_max
    }

    /// Writes one line. Lines beyond the limits are dropped; the first of them logs a warning.
    pub(crate) fn write(&self, level: types::Level, message: &str) {
        let before = self
            .lines
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lines| {
                Some(lines.saturating_add(1))
            });
        let before = before.unwrap_or(u32::MAX);
        let (pipeline, run) = (&*self.pipeline, self.run());
        if before == self.limits.lines_max {
            self.share.metrics().reached(LimitName::LogLinesMax);
            tracing::warn!(
                target: "guest", pipeline, %run, limit = "log_lines_max",
                "the run has logged {before} lines; dropping the rest"
            );
        }
        if before >= self.limits.lines_max || !self.is_within_rate() {
            return;
        }
        if message.len() > self.limits.line_bytes_max {
            self.share.metrics().reached(LimitName::LogLineBytesMax);
        }
        let message = one_line(message, self.limits.line_bytes_max);
        match level {
            types::Level::Trace => {
                tracing::trace!(target: "guest", pipeline, %run, said = message, "the plugin logged")
            }
            types::Level::Debug => {
                tracing::debug!(target: "guest", pipeline, %run, said = message, "the plugin logged")
            }
            types::Level::Info => {
                tracing::info!(target: "guest", pipeline, %run, said = message, "the plugin logged")
            }
            types::Level::Warn => {
                tracing::warn!(target: "guest", pipeline, %run, said = message, "the plugin logged")
            }
            types::Level::Error => {
                tracing::error!(target: "guest", pipeline, %run, said = message, "the plugin logged")
            }
        }
    }
}

impl GuestLog {
    /// Whether the plugin may log a line now. If not, logs a warning at most once a second.
    fn is_within_rate(&self) -> bool {
        let per_second = self.limits.lines_per_second_max;
        let outcome = self.share.log_rate().line(per_second);
        if outcome != LineOutcome::Written {
            self.share
                .metrics()
                .reached(LimitName::LogLinesPerSecondMax);
        }
        if outcome == LineOutcome::FirstDropped {
            let (pipeline, run, limit) = (
                &*self.pipeline,
                self.run(),
                LimitName::LogLinesPerSecondMax.as_str(),
            );
            tracing::warn!(
                target: "guest", pipeline, %run, limit,
                "the plugin logs more than {per_second} lines per second; dropping the rest"
            );
        }
        outcome == LineOutcome::Written
    }
}

/// Truncates a message to `bytes_max`, and escapes characters that could fake another log line or
/// control a terminal.
/// Whether a terminal would break or reorder the line at this character: separators of lines and
/// paragraphs, and marks of writing direction.
fn is_layout(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn one_line(message: &str, bytes_max: usize) -> String {
    let mut cut = message.len().min(bytes_max);
    while !message.is_char_boundary(cut) {
        cut -= 1;
    }
    let (kept, rest) = message.split_at(cut);
    let mut line = String::with_capacity(kept.len());
    for char in kept.chars() {
        if (char.is_control() && char != '\t') || is_layout(char) {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    if !rest.is_empty() {
        line.push_str(&format!("… ({} bytes truncated)", rest.len()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_one_line() {
        assert_eq!(
            one_line("a\nERROR forged\u{1b}[31m", 100),
            "a\\nERROR forged\\u{1b}[31m"
        );
        assert_eq!(
            one_line("a\u{2028}b\u{202e}c", 100),
            "a\\u{2028}b\\u{202e}c"
        );
        assert_eq!(one_line("ü\tb", 100), "ü\tb");
    }

    #[test]
    fn a_long_line_is_truncated_at_a_char_boundary() {
        assert_eq!(one_line("aüb", 2), "a… (3 bytes truncated)");
    }
}
