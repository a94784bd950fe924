//! How long a guest has been running, as opposed to waiting: the time its future spent being polled. Those that run long take turns.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use host_types::limit_name::LimitName;
use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

/// A run that has computed for longer than this shares what is left of the processor with its like. An answer takes well below a millisecond.
const LONG: Duration = Duration::from_millis(20);

/// The guest has used up its CPU time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the run computed for longer than {}, {} ms", words(*limit), max.as_millis())]
pub(crate) struct CpuSpent {
    pub(crate) limit: LimitName,
    max: Duration,
}

/// A limit as people call it.
pub(crate) fn words(limit: LimitName) -> &'static str {
    match limit {
        LimitName::JobTimeout => "the job's timeout",
        limit => limit.as_str(),
    }
}

/// Counts one run. Its future adds to it; the epoch callback, on the same thread and inside a poll, reads it.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    origin: Instant,
    /// Nanoseconds of polls that have ended.
    spent: AtomicU64,
    /// Nanoseconds from `origin` to the start of the poll that is going on.
    poll_start: AtomicU64,
    max: Duration,
    limit: LimitName,
}

impl CpuMeter {
    /// A meter that allows `max`, which the limit of that name sets.
    pub(crate) fn new(max: Duration, limit: LimitName) -> Arc<CpuMeter> {
        Arc::new(CpuMeter { origin: Instant::now(), spent: AtomicU64::new(0), poll_start: AtomicU64::new(0), max, limit })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How long it has been running, polls that have ended.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Whether the run is one of those that compute long.
    fn is_long(&self) -> bool {
        self.spent() > LONG
    }

    /// Called from inside a poll.
    ///
    /// # Errors
    /// The time is used up.
    pub(crate) fn check(&self) -> Result<(), CpuSpent> {
        let this_poll = self.now().saturating_sub(self.poll_start.load(Ordering::Relaxed));
        let spent = Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(this_poll));
        if spent > self.max { Err(CpuSpent { limit: self.limit, max: self.max }) } else { Ok(()) }
    }
}

/// The turns of runs that compute long: one thread fewer than there are, so that short runs always find one free.
pub(crate) fn turns(threads: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(threads.saturating_sub(1).max(1)))
}

/// A future whose polls are counted.
pub(crate) struct Metered<F> {
    future: Pin<Box<F>>,
    meter: Arc<CpuMeter>,
    turns: PollSemaphore,
}

impl<F> Metered<F> {
    /// Counts the polls of `future` on `meter`; it waits for one of `turns` before each poll once it has computed long.
    pub(crate) fn new(future: F, meter: Arc<CpuMeter>, turns: Arc<Semaphore>) -> Metered<F> {
        Metered { future: Box::pin(future), meter, turns: PollSemaphore::new(turns) }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // The turn lasts one poll, which is one time slice at most: the epoch makes the guest yield.
        let _turn = if self.meter.is_long() { Some(ready!(self.turns.poll_acquire(context))) } else { None };
        let start = self.meter.now();
        self.meter.poll_start.store(start, Ordering::Relaxed);
        let polled = self.future.as_mut().poll(context);
        let spent = self.meter.now().saturating_sub(start);
        self.meter.spent.fetch_add(spent, Ordering::Relaxed);
        polled
    }
}
