//! Ranges that several sections share.

use std::ops::RangeInclusive;
use std::time::Duration;

/// From the resolution of the timers to a day; beyond that, a limit has no effect.
pub(crate) const TIMES: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_hours(24);
/// How long anything may be kept.
pub(crate) const KEPT: RangeInclusive<Duration> = Duration::ZERO..=YEARS;
/// Ten years.
pub(crate) const YEARS: Duration = Duration::from_hours(10 * 365 * 24);
/// Numbers of items kept on disk.
pub(crate) const MANY: RangeInclusive<u64> = 1..=1_000_000_000;
