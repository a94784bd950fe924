//! A neighbour: another client of the same host during a disturbance.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::client::{Client, Frame};
use super::host::TestHost;

/// The guest that ticks, and the number of ticks in an answer; a tick takes 20 ms.
const GUEST: &str = "slow-stream";
const TICKS: usize = 25;
/// The longest acceptable pause: far below a disturbance, far above the noise of a busy machine with
/// two processors.
const GAP_MAX: Duration = Duration::from_millis(250);

/// Awaits `disturb` while another client reads streams of the same host, one at a time.
///
/// # Panics
/// A neighbour's stream failed, or paused for longer than `GAP_MAX`; or other tests share the
/// machine.
pub async fn beside_a_neighbour<T>(host: &TestHost, disturb: impl Future<Output = T>) -> T {
    // The gap is measured, so this needs a stopwatch.
    host.stopwatch();
    let (start_sender, started) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let neighbour = tokio::spawn(read_streams(host.client.clone(), start_sender, stopped));
    let outcome = match started.await {
        Ok(()) => disturb.await,
        Err(_) => panic!("the neighbour never started: {:?}", neighbour.await),
    };
    // A neighbour that failed is reported below.
    let _ = stop.send(());
    let gap = neighbour.await.unwrap();
    assert!(gap <= GAP_MAX, "the neighbour's stream paused for {gap:?}");
    outcome
}

/// The longest pause between two frames.
async fn read_streams(
    client: Client,
    started: oneshot::Sender<()>,
    mut stop: oneshot::Receiver<()>,
) -> Duration {
    let mut started = Some(started);
    let mut gap = Duration::ZERO;
    while stop.try_recv().is_err() {
        let begin = Instant::now();
        let frames = read_stream(&client, &mut started).await;
        let times = std::iter::once(begin).chain(frames.iter().map(|frame| frame.at));
        let longest = times
            .clone()
            .zip(times.skip(1))
            .map(|(before, after)| after - before)
            .max();
        gap = gap.max(longest.unwrap_or_default());
    }
    gap
}

async fn read_stream(client: &Client, started: &mut Option<oneshot::Sender<()>>) -> Vec<Frame> {
    let mut stream = client.stream(GUEST, &TICKS.to_string()).await;
    let mut frames = vec![stream.next_text().await];
    if let Some(started) = started.take() {
        // The waiting test may have failed.
        let _ = started.send(());
    }
    frames.extend(stream.rest().await);
    let ticks = frames
        .iter()
        .filter(|frame| !frame.text().is_empty())
        .count();
    assert!(
        ticks <= TICKS && frames.last().is_some_and(Frame::is_done),
        "the neighbour's stream broke: {:?}",
        frames.last()
    );
    frames
}
