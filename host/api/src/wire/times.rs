//! Times and spans on the wire: seconds, with a fraction, as Python's `time.time()` has them.

use std::time::Duration;

/// Unix time in seconds of one in milliseconds.
pub(crate) fn seconds(milliseconds: u64) -> f64 {
    // Exact for the next thousand centuries: a double has 53 bits.
    milliseconds as f64 / 1000.0
}

/// A span of seconds as it came; none if it is no span.
pub(crate) fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
