//! How often each limit was reached.

use std::sync::atomic::{AtomicU64, Ordering};

use hayrick_types::limit_name::LimitName;

/// A counter for each limit.
#[derive(Debug)]
pub(crate) struct LimitCounts([AtomicU64; LimitName::ALL.len()]);

impl Default for LimitCounts {
    fn default() -> LimitCounts {
        LimitCounts([const { AtomicU64::new(0) }; LimitName::ALL.len()])
    }
}

impl LimitCounts {
    /// Counts one more.
    pub(crate) fn add(&self, limit: LimitName) {
        if let Some(count) = self.0.get(limit.number()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The limits that were reached; a host with many plugins would list too many others.
    pub(crate) fn reached(&self) -> Vec<(LimitName, u64)> {
        let counts = LimitName::ALL
            .iter()
            .zip(&self.0)
            .map(|(limit, count)| (*limit, count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}
