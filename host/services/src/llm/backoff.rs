//! How long to wait before the next attempt.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The odd constant of SplitMix64, which makes its counter visit every value.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Doubling waits with jitter, so that many callers who failed together do not come back together.
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

    /// The wait after `attempts` have failed. The upstream's own wish is kept; none if it is longer
    /// than the cap.
    pub(crate) fn wait(&self, attempts: u32, wish: Option<Duration>) -> Option<Duration> {
        match wish {
            None => Some(self.jittered(attempts)),
            Some(wish) if wish <= self.cap => Some(wish + self.jittered(0).min(self.cap - wish)),
            Some(_) => None,
        }
    }

    /// Between half and all of the doubled base.
    fn jittered(&self, attempts: u32) -> Duration {
        let full = self
            .base
            .saturating_mul(2u32.saturating_pow(attempts))
            .min(self.cap);
        full.mul_f64(0.5 + self.fraction() / 2.0)
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

/// Reads a `Retry-After` header: seconds, or an HTTP date seen from `now`.
pub(crate) fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(value.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_the_cap_and_differ() {
        let backoff = Backoff::new(100 * MS, 1000 * MS, 7);
        for (attempts, full) in [
            (0, 100),
            (1, 200),
            (2, 400),
            (3, 800),
            (4, 1000),
            (40, 1000),
        ] {
            let wait = backoff.wait(attempts, None).unwrap();
            assert!(
                wait >= full / 2 * MS && wait <= full * MS,
                "{attempts}: {wait:?}"
            );
        }
        assert_ne!(backoff.wait(4, None), backoff.wait(4, None));
    }

    #[test]
    fn the_upstreams_wish_is_kept_up_to_the_cap() {
        let backoff = Backoff::new(100 * MS, 1000 * MS, 7);
        let wait = backoff.wait(0, Some(500 * MS)).unwrap();
        assert!(wait >= 500 * MS && wait <= 600 * MS, "{wait:?}");
        assert_eq!(backoff.wait(0, Some(1000 * MS)), Some(1000 * MS));
        assert_eq!(backoff.wait(0, Some(1001 * MS)), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 10);
        assert_eq!(parse_retry_after("3", now), Some(3000 * MS));
        assert_eq!(parse_retry_after(" 0.5 ", now), Some(500 * MS));
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now),
            Some(10_000 * MS)
        );
        assert_eq!(
            parse_retry_after("Tue, 06 Nov 1984 08:49:37 GMT", now),
            Some(Duration::ZERO)
        );
        for word in ["", "-1", "soon", "NaN", "inf"] {
            assert_eq!(parse_retry_after(word, now), None, "{word}");
        }
    }
}
