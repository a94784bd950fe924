//! Times and durations on the wire: seconds, with a fraction, as Python's `time.time()` returns
//! them.

use std::time::Duration;

/// A Unix time in seconds, from one in milliseconds.
pub(crate) fn seconds(milliseconds: u64) -> f64 {
    // Exact for the next thousand centuries: a double has 53 bits.
    milliseconds as f64 / 1000.0
}

/// A duration in seconds as a client sent it; `None` if it is negative or too long.
pub(crate) fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
