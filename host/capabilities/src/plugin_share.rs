//! What all runs of one plugin share: its metrics, its memory, its processor time
//! and its log rate.

use std::sync::Arc;

use hayrick_services::metrics::Metrics;
use hayrick_services::metrics::in_use::InUse;
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

/// Something that the runs of a plugin take from what it and the host may use.
pub(crate) struct SharedUse<'a> {
    plugin: &'a InUse,
    host: &'a InUse,
    host_max: usize,
}

/// Who has no room for more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Full {
    Plugin,
    /// With the maximum of the host.
    Host(usize),
}

impl SharedUse<'_> {
    /// Takes `count` from both, or from neither. The plugin may use `plugin_max`.
    pub(crate) fn take(&self, count: usize, plugin_max: usize) -> Result<(), Full> {
        if !self.plugin.take(count, plugin_max) {
            return Err(Full::Plugin);
        }
        if !self.host.take(count, self.host_max) {
            self.plugin.give_back(count);
            return Err(Full::Host(self.host_max));
        }
        Ok(())
    }

    /// Gives `count` back to both.
    pub(crate) fn give_back(&self, count: usize) {
        self.plugin.give_back(count);
        self.host.give_back(count);
    }
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

    /// Linear memory, in bytes.
    pub(crate) fn memory(&self) -> SharedUse<'_> {
        SharedUse {
            plugin: self.metrics.memory(),
            host: self.host.memory(),
            host_max: self.host_max.memory_bytes,
        }
    }

    /// Suspended calls, beyond those that each run has a stack for.
    pub(crate) fn suspended_calls(&self) -> SharedUse<'_> {
        SharedUse {
            plugin: self.metrics.suspended_calls(),
            host: self.host.suspended_calls(),
            host_max: self.host_max.suspended_calls,
        }
    }

    /// What all plugins together may use.
    pub fn host_max(&self) -> HostMax {
        self.host_max
    }

    pub(crate) fn log_rate(&self) -> &LogRate {
        &self.log_rate
    }
}
