//! The time of day as a parameter, so that tests can move it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the Unix time in milliseconds. It may jump, in both directions.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock; 0 if it stands before 1970.
pub fn system() -> Clock {
    Arc::new(|| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    })
}
