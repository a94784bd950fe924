//! Time of day. Code that depends on it takes a [`Clock`], so that tests can set it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Returns the Unix time in milliseconds. It may jump forwards or backwards.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock.
pub fn system() -> Clock {
    Arc::new(|| milliseconds(since_epoch()))
}

/// The current Unix time; zero if the machine's clock is set before 1970.
pub fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// A duration in whole milliseconds.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
