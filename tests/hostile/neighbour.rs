//! The neighbour: a well-behaved plugin under a steady load while others attack.
//!
//! Requests start at a fixed rate whether or not earlier ones have finished, and each is timed from
//! its scheduled start, so that a stall counts for every request it delays, not just for one.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::client::Client;

/// The neighbour's pipeline and guest.
pub const PIPELINE: &str = "hostile-neighbour";
pub const GUEST: &str = "echo-relay";
/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// The question, and the answer it must get.
const QUESTION: &str = "echo:the quick brown fox";
const ANSWER: &str = "the quick brown fox";

/// The results of a period of load.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// The latency of each answered request, shortest first.
    latencies: Vec<Duration>,
    /// What was wrong with the other requests.
    pub failures: Vec<String>,
}

impl Load {
    /// The latency that this share of the requests did not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let index = (share * self.latencies.len() as f64).ceil() as usize;
        self.latencies
            .get(index.saturating_sub(1).min(last))
            .copied()
            .unwrap_or_default()
    }

    /// The 99th percentile.
    pub fn p99(&self) -> Duration {
        self.quantile(0.99)
    }

    /// The number of answered requests.
    pub fn len(&self) -> usize {
        self.latencies.len()
    }
}

/// Keeps up the load while `disturb` runs, and for at least `least`.
pub async fn beside<T>(
    client: &Client,
    rate: u32,
    least: Duration,
    disturb: impl Future<Output = T>,
) -> (T, Load) {
    let period = Duration::from_secs(1) / rate.max(1);
    let start = Instant::now();
    let mut disturb = std::pin::pin!(disturb);
    let mut requests = JoinSet::new();
    let mut due = start;
    let outcome = loop {
        tokio::select! {
            done = &mut disturb => break done,
            () = sleep_until(due) => {
                requests.spawn(ask(client.clone(), due));
                due += period;
            }
        }
    };
    while start.elapsed() < least {
        sleep_until(due).await;
        requests.spawn(ask(client.clone(), due));
        due += period;
    }
    let mut load = Load::default();
    for asked in requests.join_all().await {
        match asked {
            Ok(latency) => load.latencies.push(latency),
            Err(failure) => load.failures.push(failure),
        }
    }
    load.latencies.sort_unstable();
    (outcome, load)
}

/// Sends one request and times it from its scheduled start.
async fn ask(client: Client, due: Instant) -> Result<Duration, String> {
    let seen = client.stream(PIPELINE, QUESTION, PATIENCE).await;
    let is_right =
        seen.status == 200 && seen.text == ANSWER && seen.faults.is_empty() && seen.error.is_none();
    if is_right {
        Ok(due.elapsed())
    } else {
        Err(format!("{}: {}", seen.status, seen.summary()))
    }
}
