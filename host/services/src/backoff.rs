//! How long to wait before trying again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The odd constant of SplitMix64, which makes its counter visit every value.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Exponential back-off with jitter, so that callers who failed together do not return together.
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    /// SplitMix64's counter: jitter needs no better randomness, and a seed makes tests exact.
    random: AtomicU64,
}

impl Backoff {
    pub(crate) fn new(base: Duration, cap: Duration, seed: u64) -> Backoff {
        Backoff {
            base,
            cap,
            random: AtomicU64::new(seed),
        }
    }

    /// The longest wait there is.
    pub(crate) fn cap(&self) -> Duration {
        self.cap
    }

    /// Full jitter: up to the base, doubled so many times.
    pub(crate) fn full_jitter(&self, doublings: u32) -> Duration {
        self.longest(doublings).mul_f64(self.fraction())
    }

    /// Equal jitter: the upper half of the same.
    pub(crate) fn equal_jitter(&self, doublings: u32) -> Duration {
        self.longest(doublings).mul_f64(0.5 + self.fraction() / 2.0)
    }

    fn longest(&self, doublings: u32) -> Duration {
        self.base
            .saturating_mul(2u32.saturating_pow(doublings))
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
        for (doublings, seconds) in [
            (0, 1),
            (1, 2),
            (2, 4),
            (8, 256),
            (9, 300),
            (99, 300),
            (u32::MAX, 300),
        ] {
            assert_eq!(backoff.longest(doublings), seconds * SECOND, "{doublings}");
        }
    }

    #[test]
    fn full_jitter_spreads_over_the_whole_wait() {
        let backoff = Backoff::new(SECOND, 300 * SECOND, 7);
        let waits: Vec<Duration> = (0..1000).map(|_| backoff.full_jitter(2)).collect();
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

    #[test]
    fn equal_jitter_stays_in_the_upper_half_and_differs() {
        let backoff = Backoff::new(SECOND, 10 * SECOND, 7);
        for (doublings, longest) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 10), (40, 10)] {
            let wait = backoff.equal_jitter(doublings);
            assert!(
                2 * wait >= longest * SECOND && wait <= longest * SECOND,
                "{doublings}: {wait:?}"
            );
        }
        assert_ne!(backoff.equal_jitter(4), backoff.equal_jitter(4));
    }
}
