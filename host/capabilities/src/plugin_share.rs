//! What all runs of one plugin share: its numbers, its memory, the rate of its log.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hayrick_services::metrics::Metrics;
use hayrick_services::metrics::plugin::PluginMetrics;

use crate::log_rate::LogRate;

/// What all runs of one plugin share.
#[derive(Debug)]
pub struct PluginShare {
    metrics: Arc<PluginMetrics>,
    host: Metrics,
    host_memory_bytes_max: usize,
    log_rate: LogRate,
    long_runs: Arc<AtomicUsize>,
}

impl PluginShare {
    /// The share of the plugin `name`; all plugins together may have `host_memory_bytes_max` of
    /// linear memory.
    pub fn new(host: Metrics, name: &Arc<str>, host_memory_bytes_max: usize) -> Arc<PluginShare> {
        Arc::new(PluginShare {
            metrics: host.plugin(name),
            host,
            host_memory_bytes_max,
            log_rate: LogRate::default(),
            long_runs: Arc::default(),
        })
    }

    /// Its numbers.
    pub fn metrics(&self) -> &PluginMetrics {
        &self.metrics
    }

    /// How many of its runs have computed long.
    pub fn long_runs(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.long_runs)
    }

    pub(crate) fn host(&self) -> &Metrics {
        &self.host
    }

    /// The limit of the memory of all plugins.
    pub fn host_memory_bytes_max(&self) -> usize {
        self.host_memory_bytes_max
    }

    pub(crate) fn log_rate(&self) -> &LogRate {
        &self.log_rate
    }
}
