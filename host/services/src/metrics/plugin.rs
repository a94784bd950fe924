//! The counters of one plugin.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hayrick_types::limit_name::LimitName;
use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::counts::LimitCounts;
use crate::metrics::in_use::InUse;

/// Seconds of a run: from a small answer to a long job.
const DURATIONS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 300.0,
];
/// Seconds a run computes.
const CPU_TIMES: [f64; 11] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.1, 0.5, 2.0, 10.0,
];

/// The counters of one plugin.
#[derive(Debug)]
pub struct PluginMetrics {
    limits: LimitCounts,
    started: AtomicU64,
    failed: AtomicU64,
    refused_deploys: AtomicU64,
    /// Runs that wait for a place.
    queued: AtomicU64,
    /// Linear memory of its runs.
    memory: InUse,
    /// Suspended calls inside its runs.
    suspended_calls: InUse,
    durations: Histogram,
    cpu_times: Histogram,
}

impl Default for PluginMetrics {
    fn default() -> PluginMetrics {
        PluginMetrics {
            limits: LimitCounts::default(),
            started: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused_deploys: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            memory: InUse::default(),
            suspended_calls: InUse::default(),
            durations: Histogram::new(DURATIONS),
            cpu_times: Histogram::new(CPU_TIMES),
        }
    }
}

impl PluginMetrics {
    /// A limit was reached.
    pub fn reached(&self, limit: LimitName) {
        self.limits.add(limit);
    }

    /// A run began.
    pub fn start(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs that have begun.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// A run failed.
    pub fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs that have failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// A version of it was refused.
    pub fn refused_deploy(&self) {
        self.refused_deploys.fetch_add(1, Ordering::Relaxed);
    }

    /// One more waits for a place; returns how many waited before.
    pub fn queue(&self) -> u64 {
        self.queued.fetch_add(1, Ordering::Relaxed)
    }

    /// One waits no longer.
    pub fn unqueue(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    /// Linear memory of all its runs.
    pub fn memory(&self) -> &InUse {
        &self.memory
    }

    /// Suspended calls inside its runs, beyond those that each run has a stack for.
    pub fn suspended_calls(&self) -> &InUse {
        &self.suspended_calls
    }

    /// A run has ended. Takes two short locks, once a run.
    pub fn ended(&self, duration: Duration, cpu_time: Duration) {
        self.durations.observe(duration.as_secs_f64());
        self.cpu_times.observe(cpu_time.as_secs_f64());
    }

    pub(crate) fn limits(&self) -> Vec<(LimitName, u64)> {
        self.limits.reached()
    }

    pub(crate) fn refused_deploys(&self) -> u64 {
        self.refused_deploys.load(Ordering::Relaxed)
    }

    pub(crate) fn queued(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    pub(crate) fn durations(&self) -> &Histogram {
        &self.durations
    }

    pub(crate) fn cpu_times(&self) -> &Histogram {
        &self.cpu_times
    }
}
