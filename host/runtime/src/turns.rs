//! The turns of runs that compute much, shared by the whole host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hayrick_capabilities::cpu_share::CpuShare;
use tokio::sync::Semaphore;

/// How long a plugin that ran is regarded as a neighbour of the others.
const NEIGHBOUR: Duration = Duration::from_secs(1);

/// The turns, and whether anybody would notice that they are not taken.
#[derive(Debug)]
pub(crate) struct Turns {
    places: Arc<Semaphore>,
    origin: Instant,
    /// The address of the share of the plugin that ran last.
    last: AtomicUsize,
    /// When another plugin ran before it, in milliseconds since `origin`; zero if that never was.
    mixed_at: AtomicU64,
}

impl Turns {
    /// One turn fewer than there are threads, so that a thread is always free for short runs.
    pub(crate) fn new(threads: usize) -> Arc<Turns> {
        Arc::new(Turns {
            places: Arc::new(Semaphore::new(threads.saturating_sub(1).max(1))),
            origin: Instant::now(),
            last: AtomicUsize::new(0),
            mixed_at: AtomicU64::new(0),
        })
    }

    /// The turns.
    pub(crate) fn places(&self) -> Arc<Semaphore> {
        Arc::clone(&self.places)
    }

    /// A run of the plugin with this share begins.
    pub(crate) fn begin(&self, share: &Arc<CpuShare>) {
        let plugin = Arc::as_ptr(share).addr();
        let last = self.last.swap(plugin, Ordering::Relaxed);
        if last != plugin && last != 0 {
            self.mixed_at.store(self.now().max(1), Ordering::Relaxed);
        }
    }

    /// Whether runs of several plugins have begun lately. One plugin alone needs no turns.
    pub(crate) fn has_neighbours(&self) -> bool {
        let mixed_at = self.mixed_at.load(Ordering::Relaxed);
        let neighbour = u64::try_from(NEIGHBOUR.as_millis()).unwrap_or(u64::MAX);
        mixed_at > 0 && self.now().saturating_sub(mixed_at) < neighbour
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_alone_has_no_neighbours() {
        let (turns, one, two) = (Turns::new(2), Arc::default(), Arc::default());
        turns.begin(&one);
        turns.begin(&one);
        assert!(!turns.has_neighbours());
        turns.begin(&two);
        assert!(turns.has_neighbours());
    }
}
