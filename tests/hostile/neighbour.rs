//! The neighbour: a well-behaved plugin under a steady load while others attack.
//!
//! Requests start at a fixed rate whether or not earlier ones have finished, and each is timed from
//! its scheduled start, so that a stall counts for every request it delays, not just for one.

use std::time::Duration;

use tokio::sync::oneshot;
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

/// Keeps up the load while `disturb` runs, and for at least `least`. It has a thread and connections
/// of its own, like a client on another machine. If that fails, the load says so.
pub async fn beside<T>(
    client: &Client,
    rate: u32,
    least: Duration,
    disturb: impl Future<Output = T>,
) -> (T, Load) {
    let (began, begin) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let (url, api_key) = client.server();
    let neighbour = std::thread::spawn(move || -> Result<Load, String> {
        let client = Client::new(&url, api_key)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime: {error}"))?;
        Ok(runtime.block_on(async {
            // The connection is there before anything is measured.
            let _ = ask(client.clone(), Instant::now()).await;
            let _ = began.send(());
            keep_up(&client, rate, least, stopped).await
        }))
    });
    // If the thread fails, joining it says so.
    let _ = begin.await;
    let outcome = disturb.await;
    let _ = stop.send(());
    let joined = tokio::task::spawn_blocking(move || neighbour.join()).await;
    let load = match joined {
        Ok(Ok(load)) => load,
        _ => Err("the neighbour's thread panicked".to_owned()),
    };
    let failed = |failure| Load {
        failures: vec![failure],
        ..Load::default()
    };
    (outcome, load.unwrap_or_else(failed))
}

async fn keep_up(
    client: &Client,
    rate: u32,
    least: Duration,
    mut stopped: oneshot::Receiver<()>,
) -> Load {
    let period = Duration::from_secs(1) / rate.max(1);
    let start = Instant::now();
    let mut requests = JoinSet::new();
    let (mut due, mut is_stopped) = (start, false);
    while !is_stopped || start.elapsed() < least {
        tokio::select! {
            _ = &mut stopped, if !is_stopped => is_stopped = true,
            () = sleep_until(due) => {
                requests.spawn(ask(client.clone(), due));
                due += period;
            }
        }
    }
    let mut load = Load::default();
    for asked in requests.join_all().await {
        match asked {
            Ok(latency) => load.latencies.push(latency),
            Err(failure) => load.failures.push(failure),
        }
    }
    load.latencies.sort_unstable();
    load
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
