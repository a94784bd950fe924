//! The time of day, as a parameter.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Gives Unix time in milliseconds. It may jump, as a wall clock does.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| milliseconds(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
}

/// A span in whole milliseconds.
pub(super) fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
