//! The one place where tests poll: for what the host does not announce, and never beyond a
//! deadline.

use std::time::{Duration, Instant};

/// Between two probes; short compared with every deadline.
const INTERVAL: Duration = Duration::from_millis(20);
/// A generous deadline for what is immediate on a quiet machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Polls `probe` until it returns something.
///
/// # Panics
/// Nothing came within `deadline`.
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
            "not within {deadline:?}: {what}"
        );
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Awaits an event that announces itself.
///
/// # Panics
/// It did not come within `deadline`.
pub async fn within<T>(what: &str, deadline: Duration, event: impl Future<Output = T>) -> T {
    let Ok(outcome) = tokio::time::timeout(deadline, event).await else {
        panic!("not within {deadline:?}: {what}")
    };
    outcome
}
