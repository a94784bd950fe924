//! The one place where a test asks again and again: for what the host does not announce, and never
//! for longer than a deadline.

use std::time::{Duration, Instant};

/// Between two questions; short against every deadline in use.
const INTERVAL: Duration = Duration::from_millis(20);
/// For what takes an instant on a quiet machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Asks `probe` until it has an answer.
///
/// # Panics
/// There is none within `deadline`.
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
/// It does not come within `deadline`.
pub async fn within<T>(what: &str, deadline: Duration, event: impl Future<Output = T>) -> T {
    let Ok(outcome) = tokio::time::timeout(deadline, event).await else {
        panic!("not within {deadline:?}: {what}")
    };
    outcome
}
