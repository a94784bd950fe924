//! Limits how many lines all runs of a plugin log per second: a lock-free token bucket that holds
//! the lines of one second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const SECOND: u64 = 1_000_000_000;

/// The token bucket.
#[derive(Debug)]
pub(crate) struct LogRate {
    origin: Instant,
    /// The time, in nanoseconds since `origin`, that the lines written so far have used up.
    used_until: AtomicU64,
    /// One second after the last warning about dropped lines, in nanoseconds since `origin`.
    quiet_until: AtomicU64,
}

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineOutcome {
    Written,
    /// Dropped, and no warning was logged within the last second.
    FirstDropped,
    Dropped,
}

impl Default for LogRate {
    fn default() -> LogRate {
        LogRate {
            origin: Instant::now(),
            used_until: AtomicU64::new(0),
            quiet_until: AtomicU64::new(0),
        }
    }
}

impl LogRate {
    /// Takes one line, if `per_second` are allowed.
    pub(crate) fn line(&self, per_second: u32) -> LineOutcome {
        self.line_at(
            u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX),
            per_second,
        )
    }

    fn line_at(&self, now: u64, per_second: u32) -> LineOutcome {
        let line_time = SECOND / u64::from(per_second.max(1));
        let take = |used_until: u64| {
            Some(used_until.max(now).saturating_add(line_time))
                .filter(|used_until| *used_until <= now.saturating_add(SECOND))
        };
        if self
            .used_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
        {
            return LineOutcome::Written;
        }
        let warn = |until: u64| (until <= now).then(|| now.saturating_add(SECOND));
        let is_due = self
            .quiet_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, warn)
            .is_ok();
        if is_due {
            LineOutcome::FirstDropped
        } else {
            LineOutcome::Dropped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_holds_the_lines_of_one_second_and_refills_over_time() {
        let rate = LogRate::default();
        let lines =
            |now: u64, count: usize| (0..count).map(|_| rate.line_at(now, 4)).collect::<Vec<_>>();
        use LineOutcome::{Dropped, FirstDropped, Written};
        assert_eq!(
            lines(0, 6),
            [Written, Written, Written, Written, FirstDropped, Dropped]
        );
        assert_eq!(lines(SECOND / 4, 2), [Written, Dropped]);
        assert_eq!(
            lines(SECOND * 9, 5),
            [Written, Written, Written, Written, FirstDropped]
        );
    }
}
