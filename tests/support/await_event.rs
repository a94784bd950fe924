//! The only place where tests poll: for events that the host does not announce, and with a
//! deadline.

use std::time::{Duration, Instant};

/// Pause between two probes; short compared with any deadline.
const INTERVAL: Duration = Duration::from_millis(20);
/// A generous deadline for events that are immediate on a quiet machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Polls `probe` until it returns something.
///
/// # Panics
/// `probe` returned nothing within `deadline`.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(
            start.elapsed() < deadline,
            "timed out after {deadline:?}: {what}"
        );
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Awaits a future with a deadline.
///
/// # Panics
/// The event did not happen within `deadline`.
pub async fn within<T>(what: &str, deadline: Duration, event: impl Future<Output = T>) -> T {
    let Ok(outcome) = tokio::time::timeout(deadline, event).await else {
        panic!("timed out after {deadline:?}: {what}")
    };
    outcome
}
