//! The counters behind `/metrics`: runs, their times, and how often each limit was reached.
//!
//! Counting adds to an atomic number that its owner holds: no lock, no look-up by name. The number
//! of labels is bounded: limits are an enum, and a plugin is shown for as long as its file is in the
//! folder. When it comes back, it counts on: counters only grow.

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
use hayrick_types::pipeline::PipelineStatus;

use crate::metrics::counts::LimitCounts;
use crate::metrics::in_use::InUse;
use crate::metrics::plugin::PluginMetrics;
use crate::metrics::snapshot::Snapshot;
use crate::metrics::text::{Moment, text};

/// Plugins that are gone whose counters are kept, some 2 KiB each.
const GONE_MAX: usize = 1000;

/// The counters of one host. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Those of plugins that are gone, too.
    plugins: RwLock<BTreeMap<Arc<str>, Arc<PluginMetrics>>>,
    /// Limits of clients and of the host, which belong to no plugin.
    limits: LimitCounts,
    connections: AtomicU64,
    /// Linear memory of all runs.
    memory: InUse,
    /// Suspended calls inside all runs.
    suspended_calls: InUse,
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
    /// The counters of a plugin. They are kept for a plugin that is gone, in case it comes back.
    pub fn plugin(&self, name: &Arc<str>) -> Arc<PluginMetrics> {
        let mut plugins = self
            .inner
            .plugins
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = plugins.get(name) {
            return Arc::clone(metrics);
        }
        let is_used = |metrics: &Arc<PluginMetrics>| Arc::strong_count(metrics) > 1;
        if plugins.values().filter(|metrics| !is_used(metrics)).count() >= GONE_MAX {
            plugins.retain(|_, metrics| is_used(metrics));
        }
        let metrics = Arc::default();
        plugins.insert(Arc::clone(name), Arc::clone(&metrics));
        metrics
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
    pub fn memory(&self) -> &InUse {
        &self.inner.memory
    }

    /// Suspended calls inside all runs, beyond those that each run has a stack for.
    pub fn suspended_calls(&self) -> &InUse {
        &self.inner.suspended_calls
    }

    /// All counters as OpenMetrics text, which Prometheus reads, together with a snapshot of the
    /// other services.
    pub fn text(&self, snapshot: Snapshot) -> String {
        let inner = &self.inner;
        text(Moment {
            plugins: self.present(&snapshot),
            snapshot,
            limits: inner.limits.reached(),
            connections: inner.connections.load(Ordering::Relaxed),
            memory: inner.memory.count(),
            suspended_calls: inner.suspended_calls.count(),
            dropped_log_lines: inner.dropped_log_lines.get().map_or(0, |read| (read.0)()),
        })
    }

    /// The counters of the plugins that are in the snapshot.
    fn present(&self, snapshot: &Snapshot) -> Vec<(Arc<str>, Arc<PluginMetrics>)> {
        let plugins = self
            .inner
            .plugins
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let known = |status: &PipelineStatus| plugins.get_key_value(&*status.name);
        let known = snapshot.pipelines.iter().filter_map(known);
        known
            .map(|(name, metrics)| (Arc::clone(name), Arc::clone(metrics)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use hayrick_types::pipeline::PipelineState;

    use super::*;

    fn snapshot(names: &[&str]) -> Snapshot {
        let status = |name: &&str| PipelineStatus {
            name: (*name).to_owned(),
            state: PipelineState::Loading,
            version: None,
            last_error: None,
            active_runs: 0,
            total_runs: 0,
            failed_runs: 0,
        };
        Snapshot {
            pipelines: names.iter().map(status).collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn what_was_counted_is_written_with_its_names() {
        let metrics = Metrics::default();
        let plugin = metrics.plugin(&"sum".into());
        plugin.reached(LimitName::MemoryBytesMax);
        plugin.reached(LimitName::MemoryBytesMax);
        metrics.reached(LimitName::BodyBytesMax);
        let connected = metrics.connected();
        let text = metrics.text(snapshot(&["sum"]));
        for line in [
            "hayrick_limit_reached_total{limit=\"memory_bytes_max\",pipeline=\"sum\"} 2\n",
            "hayrick_limit_reached_total{limit=\"body_bytes_max\",pipeline=\"\"} 1\n",
            "hayrick_connections 1\n",
            "# EOF\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        drop(connected);
        let text = metrics.text(snapshot(&[]));
        assert!(
            text.contains("hayrick_connections 0\n") && !text.contains("sum"),
            "{text}"
        );
    }

    #[test]
    fn a_plugin_that_comes_back_counts_on() {
        let metrics = Metrics::default();
        let used = metrics.plugin(&"used".into());
        metrics.plugin(&"sum".into()).start();
        assert_eq!(metrics.plugin(&"sum".into()).started(), 1);
        used.start();
        for number in 0..GONE_MAX {
            metrics.plugin(&format!("other-{number}").as_str().into());
        }
        assert_eq!(metrics.plugin(&"sum".into()).started(), 0, "it is bounded");
        assert_eq!(metrics.plugin(&"used".into()).started(), 1);
    }
}
