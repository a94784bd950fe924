//! The server itself: the status of its pipelines, probes and metrics.

pub(crate) mod draw;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod status;
