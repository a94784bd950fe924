//! How long a job waits after an attempt that failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The odd constant of SplitMix64, which makes its counter visit every value.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Doubling waits with full jitter: jobs that failed together, for the same reason, spread over the
/// whole wait.
pub(super) struct Backoff {
    base: Duration,
    cap: Duration,
    /// SplitMix64's counter: jitter needs no better randomness, and a seed makes tests exact.
    random: AtomicU64,
}

impl Backoff {
    pub(super) fn new(base: Duration, cap: Duration, seed: u64) -> Backoff {
        Backoff {
            base,
            cap,
            random: AtomicU64::new(seed),
        }
    }

    /// A wait after the `attempt`-th attempt, counted from 1.
    pub(super) fn wait(&self, attempt: u32) -> Duration {
        self.wait_max(attempt).mul_f64(self.fraction())
    }

    /// The longest wait after the `attempt`-th attempt.
    fn wait_max(&self, attempt: u32) -> Duration {
        self.base
            .saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)))
            .min(self.cap)
    }

    /// Evenly spread over 0 to 1.
    fn fraction(&self) -> f64 {
        let mut bits = self
            .random
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from((bits >> 32) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_longest_wait_doubles_up_to_the_cap() {
        let backoff = Backoff::new(SECOND, 300 * SECOND, 7);
        for (attempt, seconds) in [
            (1, 1),
            (2, 2),
            (3, 4),
            (9, 256),
            (10, 300),
            (100, 300),
            (u32::MAX, 300),
        ] {
            assert_eq!(backoff.wait_max(attempt), seconds * SECOND, "{attempt}");
        }
    }

    #[test]
    fn waits_spread_over_the_whole_span() {
        let backoff = Backoff::new(SECOND, 300 * SECOND, 7);
        let waits: Vec<Duration> = (0..1000).map(|_| backoff.wait(3)).collect();
        for quarter in 0..4 {
            let inside = waits
                .iter()
                .filter(|wait| **wait >= quarter * SECOND && **wait <= (quarter + 1) * SECOND)
                .count();
            assert!(
                (150..350).contains(&inside),
                "{inside} of 1000 in quarter {quarter}"
            );
        }
    }
}
