//! Forgets what has been kept long enough.

use std::time::Duration;

use hayrick_services::jobs::queue::Jobs;
use hayrick_services::state::State;
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps jobs and state, now and again, for ever.
pub(crate) async fn run(jobs: Jobs, state: State, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match jobs.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(
                count,
                "finished jobs were kept long enough and are forgotten"
            ),
            Err(error) => tracing::warn!(%error, "finished jobs cannot be swept"),
        }
        if let Err(error) = state.sweep().await {
            tracing::warn!(%error, "state whose time is over cannot be swept");
        }
    }
}
