//! What all runs of one plugin share: its metrics, its memory, its processor time
//! and its log rate.

use std::sync::Arc;

use hayrick_services::metrics::Metrics;
use hayrick_services::metrics::plugin::PluginMetrics;

use crate::cpu_share::CpuShare;
use crate::log_rate::LogRate;

/// What all plugins together may use.
#[derive(Debug, Clone, Copy)]
pub struct HostMax {
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Suspended calls, beyond those that each run has a stack for.
    pub suspended_calls: usize,
}

/// State that all runs of one plugin share.
#[derive(Debug)]
pub struct PluginShare {
    metrics: Arc<PluginMetrics>,
    host: Metrics,
    host_max: HostMax,
    log_rate: LogRate,
    cpu: Arc<CpuShare>,
}

impl PluginShare {
    /// Creates the share of the plugin `name`. All plugins together may use `host_max`.
    pub fn new(host: Metrics, name: &Arc<str>, host_max: HostMax) -> Arc<PluginShare> {
        Arc::new(PluginShare {
            metrics: host.plugin(name),
            host,
            host_max,
            log_rate: LogRate::default(),
            cpu: Arc::default(),
        })
    }

    /// The metrics of the plugin.
    pub fn metrics(&self) -> &PluginMetrics {
        &self.metrics
    }

    /// What its runs compute together.
    pub fn cpu(&self) -> Arc<CpuShare> {
        Arc::clone(&self.cpu)
    }

    pub(crate) fn host(&self) -> &Metrics {
        &self.host
    }

    /// What all plugins together may use.
    pub fn host_max(&self) -> HostMax {
        self.host_max
    }

    pub(crate) fn log_rate(&self) -> &LogRate {
        &self.log_rate
    }
}
