//! The counters behind `/metrics`: runs, their times, and how often each limit was reached.
//!
//! Counting adds to an atomic number that its owner holds: no lock, no look-up by name. The number
//! of labels is bounded: limits are an enum, and a plugin has counters for as long as its file is in
//! the folder.

mod counts;
pub mod in_use;
pub mod plugin;
pub mod snapshot;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use hayrick_types::limit_name::LimitName;

use crate::metrics::counts::LimitCounts;
use crate::metrics::in_use::BytesInUse;
use crate::metrics::plugin::PluginMetrics;
use crate::metrics::snapshot::Snapshot;
use crate::metrics::text::{Moment, text};

/// The counters of one host. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    plugins: RwLock<BTreeMap<Arc<str>, Arc<PluginMetrics>>>,
    /// Limits of clients and of the host, which belong to no plugin.
    limits: LimitCounts,
    connections: AtomicU64,
    /// Linear memory of all runs.
    memory: BytesInUse,
    /// Reads the number of log lines that were dropped.
    dropped_log_lines: OnceLock<DroppedLines>,
}

/// Reads a counter that another library keeps.
struct DroppedLines(Box<dyn Fn() -> u64 + Send + Sync>);

impl fmt::Debug for DroppedLines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", (self.0)())
    }
}

/// A connection that counts as long as it lives.
#[derive(Debug)]
pub struct Connected(Metrics);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.inner.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// The counters of a plugin, which exist from now on.
    pub fn plugin(&self, name: &Arc<str>) -> Arc<PluginMetrics> {
        let mut plugins = self
            .inner
            .plugins
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(plugins.entry(Arc::clone(name)).or_default())
    }

    /// Forgets a plugin that is gone.
    pub fn forget(&self, name: &str) {
        self.inner
            .plugins
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// A limit was reached by a client, before there was a plugin.
    pub fn reached(&self, limit: LimitName) {
        self.inner.limits.add(limit);
    }

    /// Counts a connection until what this returns is dropped.
    pub fn connected(&self) -> Connected {
        self.inner.connections.fetch_add(1, Ordering::Relaxed);
        Connected(self.clone())
    }

    /// Shows the number that `dropped` reads: log lines that nobody read fast enough.
    pub fn count_dropped_log_lines(&self, dropped: impl Fn() -> u64 + Send + Sync + 'static) {
        // The first one stays: a process has one log.
        let _ = self
            .inner
            .dropped_log_lines
            .set(DroppedLines(Box::new(dropped)));
    }

    /// Linear memory of all runs of the host.
    pub fn memory(&self) -> &BytesInUse {
        &self.inner.memory
    }

    /// All counters as OpenMetrics text, which Prometheus reads, together with a snapshot of the
    /// other services.
    pub fn text(&self, snapshot: Snapshot) -> String {
        let inner = &self.inner;
        text(Moment {
            snapshot,
            plugins: self.plugins(),
            limits: inner.limits.reached(),
            connections: inner.connections.load(Ordering::Relaxed),
            memory: inner.memory.bytes(),
            dropped_log_lines: inner.dropped_log_lines.get().map_or(0, |read| (read.0)()),
        })
    }

    fn plugins(&self) -> Vec<(Arc<str>, Arc<PluginMetrics>)> {
        let plugins = self
            .inner
            .plugins
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        plugins
            .iter()
            .map(|(name, metrics)| (Arc::clone(name), Arc::clone(metrics)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written_with_its_names() {
        let metrics = Metrics::default();
        let plugin = metrics.plugin(&"sum".into());
        plugin.reached(LimitName::MemoryBytesMax);
        plugin.reached(LimitName::MemoryBytesMax);
        metrics.reached(LimitName::BodyBytesMax);
        let connected = metrics.connected();
        let text = metrics.text(Snapshot::default());
        for line in [
            "hayrick_limit_reached_total{limit=\"memory_bytes_max\",pipeline=\"sum\"} 2\n",
            "hayrick_limit_reached_total{limit=\"body_bytes_max\",pipeline=\"\"} 1\n",
            "hayrick_connections 1\n",
            "# EOF\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        drop(connected);
        metrics.forget("sum");
        let text = metrics.text(Snapshot::default());
        assert!(
            text.contains("hayrick_connections 0\n") && !text.contains("sum"),
            "{text}"
        );
    }
}
