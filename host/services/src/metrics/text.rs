//! The numbers as OpenMetrics text.

use std::fmt;
use std::sync::Arc;

use hayrick_types::job::JobStatus;
use hayrick_types::limit_name::LimitName;
use hayrick_types::pipeline::PipelineStatus;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::metrics::plugin::PluginMetrics;
use crate::metrics::snapshot::Snapshot;

/// Everything that one scrape shows.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) snapshot: Snapshot,
    pub(super) plugins: Vec<(Arc<str>, Arc<PluginMetrics>)>,
    /// Those that belong to no plugin.
    pub(super) limits: Vec<(LimitName, u64)>,
    pub(super) connections: u64,
    /// Bytes of all runs.
    pub(super) memory: usize,
    /// Of all runs.
    pub(super) suspended_calls: usize,
    pub(super) dropped_log_lines: u64,
}

/// Formats it.
pub(super) fn text(moment: Moment) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(moment));
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        // Writing to a string does not fail.
        tracing::error!("the metrics cannot be written");
    }
    text
}

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.limits(&mut encoder)?;
        self.runs(&mut encoder)?;
        self.times(&mut encoder)?;
        self.versions(&mut encoder)?;
        self.jobs(&mut encoder)?;
        self.upstreams(&mut encoder)?;
        gauge(
            &mut encoder,
            "hayrick_connections",
            "Connections of clients that are open",
            self.connections,
        )?;
        gauge(
            &mut encoder,
            "hayrick_body_bytes",
            "Bytes of request bodies in memory",
            self.snapshot.body_bytes,
        )?;
        gauge(
            &mut encoder,
            "hayrick_spool_bytes",
            "Bytes of uploaded files on disk",
            self.snapshot.spool_bytes,
        )?;
        gauge(
            &mut encoder,
            "hayrick_memory_bytes",
            "Linear memory of all runs",
            as_u64(self.memory),
        )?;
        gauge(
            &mut encoder,
            "hayrick_suspended_calls",
            "Suspended calls between the components of runs, beyond the first two of each",
            as_u64(self.suspended_calls),
        )?;
        let family = encoder.encode_descriptor(
            "hayrick_log_lines_dropped",
            "Log lines that were dropped because nobody read the log fast enough",
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(self.dropped_log_lines).encode(family)
    }
}

impl Moment {
    fn limits(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "How often a limit was reached, by its name; pipeline is empty if it belongs to no plugin";
        let mut family =
            encoder.encode_descriptor("hayrick_limit_reached", help, None, MetricType::Counter)?;
        let of_plugins = self
            .plugins
            .iter()
            .map(|(name, metrics)| (&**name, metrics.limits()));
        for (pipeline, counts) in std::iter::once(("", self.limits.clone())).chain(of_plugins) {
            for (limit, count) in counts {
                let labels = [("limit", limit.as_str()), ("pipeline", pipeline)];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn runs(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let of_runs = |count: fn(&PipelineStatus) -> u64| {
            let pipelines = self.snapshot.pipelines.iter();
            pipelines.map(move |status| (status.name.clone(), count(status)))
        };
        let of_plugins = |gauge: fn(&PluginMetrics) -> u64| {
            let plugins = self.plugins.iter();
            plugins.map(move |(name, metrics)| (name.to_string(), gauge(metrics)))
        };
        counters(
            encoder,
            "hayrick_runs_started",
            "Runs that got a place",
            of_runs(|status| status.total_runs),
        )?;
        counters(
            encoder,
            "hayrick_runs_failed",
            "Runs that failed, for whatever reason",
            of_runs(|status| status.failed_runs),
        )?;
        gauges(
            encoder,
            "hayrick_runs_active",
            "Runs at this moment",
            of_runs(|status| as_u64(status.active_runs)),
        )?;
        gauges(
            encoder,
            "hayrick_runs_queued",
            "Runs that wait for a place",
            of_plugins(PluginMetrics::queued),
        )?;
        gauges(
            encoder,
            "hayrick_plugin_memory_bytes",
            "Linear memory of a plugin's runs",
            of_plugins(|metrics| as_u64(metrics.memory().count())),
        )
    }

    fn times(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "hayrick_run_seconds",
            "How long runs took",
            None,
            MetricType::Histogram,
        )?;
        for (name, metrics) in &self.plugins {
            metrics
                .durations()
                .encode(family.encode_family(&[("pipeline", &**name)])?)?;
        }
        let mut family = encoder.encode_descriptor(
            "hayrick_run_cpu_seconds",
            "How long runs computed",
            None,
            MetricType::Histogram,
        )?;
        for (name, metrics) in &self.plugins {
            metrics
                .cpu_times()
                .encode(family.encode_family(&[("pipeline", &**name)])?)?;
        }
        Ok(())
    }

    fn versions(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let serving = self.snapshot.pipelines.iter().map(|status| {
            let number = status.version.as_ref().map_or(0, |version| version.number);
            (status.name.clone(), number)
        });
        gauges(
            encoder,
            "hayrick_version_serving",
            "The number of the version that serves; 0 while none does",
            serving,
        )?;
        let refused = self
            .plugins
            .iter()
            .map(|(name, metrics)| (name.to_string(), metrics.refused_deploys()));
        counters(
            encoder,
            "hayrick_deploys_refused",
            "Versions that were refused",
            refused,
        )
    }

    fn jobs(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "hayrick_jobs",
            "Jobs that are kept, by status",
            None,
            MetricType::Gauge,
        )?;
        for (pipeline, counts) in &self.snapshot.jobs {
            for status in JobStatus::ALL {
                let labels = [("pipeline", pipeline.as_str()), ("status", status.as_str())];
                ConstGauge::new(*counts.clone().of(status))
                    .encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn upstreams(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let upstreams = &self.snapshot.upstreams;
        let mut family = encoder.encode_descriptor(
            "hayrick_upstream_requests",
            "Requests to a model",
            None,
            MetricType::Counter,
        )?;
        for upstream in upstreams {
            ConstCounter::new(upstream.requests)
                .encode(family.encode_family(&[("upstream", upstream.alias.as_str())])?)?;
        }
        let mut family = encoder.encode_descriptor(
            "hayrick_upstream_failures",
            "Requests to a model that failed",
            None,
            MetricType::Counter,
        )?;
        for upstream in upstreams {
            ConstCounter::new(upstream.failures)
                .encode(family.encode_family(&[("upstream", upstream.alias.as_str())])?)?;
        }
        let mut family = encoder.encode_descriptor(
            "hayrick_upstream_active",
            "Requests to a model at this moment",
            None,
            MetricType::Gauge,
        )?;
        for upstream in upstreams {
            ConstGauge::new(upstream.active)
                .encode(family.encode_family(&[("upstream", upstream.alias.as_str())])?)?;
        }
        let mut family = encoder.encode_descriptor(
            "hayrick_upstream_waiting",
            "Requests that wait for a place at a model (concurrency_max)",
            None,
            MetricType::Gauge,
        )?;
        for upstream in upstreams {
            ConstGauge::new(upstream.waiting)
                .encode(family.encode_family(&[("upstream", upstream.alias.as_str())])?)?;
        }
        Ok(())
    }
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    numbers: impl Iterator<Item = (String, u64)>,
) -> fmt::Result {
    let family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    of_pipelines(family, numbers, |number, encoder| {
        ConstCounter::new(number).encode(encoder)
    })
}

/// A gauge of the whole host.
fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, number: u64) -> fmt::Result {
    let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(number).encode(family)
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    numbers: impl Iterator<Item = (String, u64)>,
) -> fmt::Result {
    let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    of_pipelines(family, numbers, |number, encoder| {
        ConstGauge::new(number).encode(encoder)
    })
}

fn of_pipelines(
    mut family: MetricEncoder<'_>,
    numbers: impl Iterator<Item = (String, u64)>,
    encode: impl Fn(u64, MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    for (pipeline, number) in numbers {
        encode(
            number,
            family.encode_family(&[("pipeline", pipeline.as_str())])?,
        )?;
    }
    Ok(())
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
