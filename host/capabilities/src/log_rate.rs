//! How many lines all runs of a plugin log in a second: a bucket of one second's lines that fills
//! as time goes by, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const SECOND: u64 = 1_000_000_000;

/// The bucket.
#[derive(Debug)]
pub(crate) struct LogRate {
    origin: Instant,
    /// Nanoseconds from `origin` up to which lines are paid for.
    paid: AtomicU64,
    /// When it was last said that lines are dropped, plus one second.
    quiet_until: AtomicU64,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Written,
    /// Dropped, and no line has said so within the last second.
    FirstDropped,
    Dropped,
}

impl Default for LogRate {
    fn default() -> LogRate {
        LogRate {
            origin: Instant::now(),
            paid: AtomicU64::new(0),
            quiet_until: AtomicU64::new(0),
        }
    }
}

impl LogRate {
    /// Asks for one line where `per_second` are allowed.
    pub(crate) fn line(&self, per_second: u32) -> Fate {
        self.line_at(
            u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX),
            per_second,
        )
    }

    fn line_at(&self, now: u64, per_second: u32) -> Fate {
        let price = SECOND / u64::from(per_second.max(1));
        let pay = |paid: u64| {
            Some(paid.max(now).saturating_add(price))
                .filter(|paid| *paid <= now.saturating_add(SECOND))
        };
        if self
            .paid
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay)
            .is_ok()
        {
            return Fate::Written;
        }
        let tell = |until: u64| (until <= now).then(|| now.saturating_add(SECOND));
        let is_due = self
            .quiet_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, tell)
            .is_ok();
        if is_due {
            Fate::FirstDropped
        } else {
            Fate::Dropped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_second_of_lines_at_once_and_then_as_time_goes_by() {
        let rate = LogRate::default();
        let lines =
            |now: u64, count: usize| (0..count).map(|_| rate.line_at(now, 4)).collect::<Vec<_>>();
        use Fate::{Dropped, FirstDropped, Written};
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
