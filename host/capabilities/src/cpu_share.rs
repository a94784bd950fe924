//! How much the runs of one plugin compute together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The part of a processor that a plugin may use before it counts as heavy: one in so many.
const PROCESSOR_PART: u64 = 4;
/// What it may use at once beyond that.
const BURST: u64 = Duration::from_millis(10).as_nanos() as u64;
/// The most that is remembered: a plugin that computed for long stays heavy for four times as long.
const REMEMBERED: u64 = Duration::from_secs(10).as_nanos() as u64;
/// Short runs after which a plugin is known to be quick.
const SHORT_RUNS: usize = 3;

/// What the runs of one plugin have computed lately. Concurrent updates may lose a little.
#[derive(Debug)]
pub struct CpuShare {
    origin: Instant,
    /// Nanoseconds of computing that have not leaked away yet.
    level: AtomicU64,
    /// When the level was right, in nanoseconds since `origin`.
    at: AtomicU64,
    long_runs: AtomicUsize,
    /// Short runs since the last long one.
    short_runs: AtomicUsize,
}

impl Default for CpuShare {
    fn default() -> CpuShare {
        CpuShare {
            origin: Instant::now(),
            level: AtomicU64::new(0),
            at: AtomicU64::new(0),
            long_runs: AtomicUsize::new(0),
            short_runs: AtomicUsize::new(0),
        }
    }
}

impl CpuShare {
    /// A run computed for this long, in nanoseconds.
    pub fn spend(&self, nanoseconds: u64) {
        let level = self.leak().saturating_add(nanoseconds);
        self.level.store(level.min(REMEMBERED), Ordering::Relaxed);
    }

    /// Whether its runs have computed for more than a plugin's part of a processor lately.
    pub fn is_heavy(&self) -> bool {
        self.level.load(Ordering::Relaxed) > BURST && self.leak() > BURST
    }

    /// Whether its last runs were short.
    pub fn is_known_quick(&self) -> bool {
        self.short_runs.load(Ordering::Relaxed) >= SHORT_RUNS
    }

    /// Whether a run that has computed for a long time is in progress.
    pub fn has_long_runs(&self) -> bool {
        self.long_runs.load(Ordering::Relaxed) > 0
    }

    /// A run has computed for a long time. Until it ends.
    pub fn begin_long(&self) {
        self.short_runs.store(0, Ordering::Relaxed);
        self.long_runs.fetch_add(1, Ordering::Relaxed);
    }

    /// A run ended.
    pub fn end(&self, was_long: bool) {
        if was_long {
            self.long_runs.fetch_sub(1, Ordering::Relaxed);
        } else if !self.is_known_quick() {
            self.short_runs.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lets the level sink, and returns it.
    fn leak(&self) -> u64 {
        let now = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let passed = now.saturating_sub(self.at.swap(now, Ordering::Relaxed));
        let level = self.level.load(Ordering::Relaxed);
        let level = level.saturating_sub(passed / PROCESSOR_PART);
        self.level.store(level, Ordering::Relaxed);
        level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_heavy_while_its_runs_compute_more_than_its_part() {
        let share = CpuShare::default();
        share.spend(BURST / 2);
        assert!(!share.is_heavy());
        share.spend(REMEMBERED);
        assert!(share.is_heavy());
        // As if time had passed.
        share.level.store(BURST, Ordering::Relaxed);
        assert!(!share.is_heavy());
    }

    #[test]
    fn a_plugin_is_known_to_be_quick_after_some_short_runs_in_a_row() {
        let share = CpuShare::default();
        for _ in 0..SHORT_RUNS {
            assert!(!share.is_known_quick());
            share.end(false);
        }
        assert!(share.is_known_quick());
        share.begin_long();
        assert!(share.has_long_runs() && !share.is_known_quick());
        share.end(true);
        assert!(!share.has_long_runs());
    }
}
