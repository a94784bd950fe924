//! Deletes old jobs and state.

use std::time::Duration;

use hayrick_services::jobs::queue::Jobs;
use hayrick_services::state::State;
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps jobs and state periodically, forever.
pub(crate) async fn run(jobs: Jobs, state: State, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match jobs.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "deleted old finished jobs"),
            Err(error) => tracing::warn!(%error, "old finished jobs cannot be deleted"),
        }
        if let Err(error) = state.sweep().await {
            tracing::warn!(%error, "expired state cannot be deleted");
        }
    }
}
