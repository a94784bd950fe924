//! The lines of a guest in the host's log, bounded in number and length, each on one line whatever
//! the guest put into it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hayrick_types::id::RunId;
use hayrick_types::limit_name::LimitName;

use crate::bindings::hayrick::pipeline::types;
use crate::log_rate::Fate;
use crate::plugin_share::PluginShare;

/// What one run may log.
#[derive(Debug, Clone, Copy)]
pub struct LogLimits {
    /// Lines of a run.
    pub lines_max: u32,
    /// Bytes of a line; the rest is cut.
    pub line_bytes_max: usize,
    /// Lines of all runs of the plugin in a second.
    pub lines_per_second_max: u32,
}

/// Where a run's lines go: its own lines and what it writes to stdout and stderr share one count.
#[derive(Debug)]
pub struct GuestLog {
    pipeline: Arc<str>,
    /// A warm instance has one run after the other.
    run: RwLock<RunId>,
    limits: LogLimits,
    share: Arc<PluginShare>,
    lines: AtomicU32,
}

impl GuestLog {
    /// The log of run `run` of `pipeline`.
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

    /// The lines that follow are another run's.
    pub(crate) fn begin(&self, run: RunId) {
        *self.run.write().unwrap_or_else(PoisonError::into_inner) = run;
        self.lines.store(0, Ordering::Relaxed);
    }

    fn run(&self) -> RunId {
        *self.run.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The longest line it keeps, in bytes.
    pub(crate) fn line_bytes_max(&self) -> usize {
        self.limits.line_bytes_max
    }

    /// Writes one line. The first line past the limit says that there are more; later ones are
    /// dropped.
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
            tracing::warn!(target: "guest", pipeline, %run, limit = "log_lines_max", "the run has logged {before} lines; the rest is dropped");
        }
        if before >= self.limits.lines_max || !self.is_in_time() {
            return;
        }
        if message.len() > self.limits.line_bytes_max {
            self.share.metrics().reached(LimitName::LogLineBytesMax);
        }
        let message = one_line(message, self.limits.line_bytes_max);
        match level {
            types::Level::Trace => tracing::trace!(target: "guest", pipeline, %run, "{message}"),
            types::Level::Debug => tracing::debug!(target: "guest", pipeline, %run, "{message}"),
            types::Level::Info => tracing::info!(target: "guest", pipeline, %run, "{message}"),
            types::Level::Warn => tracing::warn!(target: "guest", pipeline, %run, "{message}"),
            types::Level::Error => tracing::error!(target: "guest", pipeline, %run, "{message}"),
        }
    }
}

impl GuestLog {
    /// Whether the plugin may log a line at this moment. Says at most once a second that it may
    /// not.
    fn is_in_time(&self) -> bool {
        let per_second = self.limits.lines_per_second_max;
        let fate = self.share.log_rate().line(per_second);
        if fate != Fate::Written {
            self.share
                .metrics()
                .reached(LimitName::LogLinesPerSecondMax);
        }
        if fate == Fate::FirstDropped {
            let (pipeline, run, limit) = (
                &*self.pipeline,
                self.run(),
                LimitName::LogLinesPerSecondMax.as_str(),
            );
            tracing::warn!(target: "guest", pipeline, %run, limit, "the plugin logs more than {per_second} lines a second; the rest is dropped");
        }
        fate == Fate::Written
    }
}

/// Cuts a message at `bytes_max` and escapes what could pass for another log line or drive a
/// terminal.
fn one_line(message: &str, bytes_max: usize) -> String {
    let mut cut = message.len().min(bytes_max);
    while !message.is_char_boundary(cut) {
        cut -= 1;
    }
    let (kept, rest) = message.split_at(cut);
    let mut line = String::with_capacity(kept.len());
    for char in kept.chars() {
        if char.is_control() && char != '\t' {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    if !rest.is_empty() {
        line.push_str(&format!("… ({} bytes cut)", rest.len()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(
            one_line("a\nERROR forged\u{1b}[31m", 100),
            "a\\nERROR forged\\u{1b}[31m"
        );
        assert_eq!(one_line("ü\tb", 100), "ü\tb");
    }

    #[test]
    fn a_long_line_is_cut_between_letters() {
        assert_eq!(one_line("aüb", 2), "a… (3 bytes cut)");
    }
}
