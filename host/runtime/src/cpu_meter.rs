//! Measures how long a guest has been computing, as opposed to waiting: the time spent polling its
//! future. Runs that compute for a long time take turns, and so do all runs of a plugin that
//! computes much or is not known yet, if there are other plugins beside it.
//!
//! A short run is measured by the wall clock, which costs almost nothing. A long run is measured by
//! the CPU clock of its thread, which takes two system calls per poll. That way a guest is not
//! charged for the time that other processes take on a busy machine.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hayrick_capabilities::cpu_share::CpuShare;
use hayrick_types::limit_name::LimitName;
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::PollSemaphore;

use crate::turns::Turns;

/// A run that has computed for longer than this is long, and takes turns with the other long runs.
/// A typical answer takes well below a millisecond.
const LONG: Duration = Duration::from_millis(2);

/// The guest has used up its CPU time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the run computed for longer than {} ms ({})", max.as_millis(), limit_label(*limit))]
pub(crate) struct CpuSpent {
    pub(crate) limit: LimitName,
    max: Duration,
}

/// The name of a limit in messages.
pub(crate) fn limit_label(limit: LimitName) -> &'static str {
    match limit {
        LimitName::JobTimeout => "the job's timeout",
        limit => limit.as_str(),
    }
}

/// The meter of one run. The future of the run adds to it. The epoch callback, on the same thread
/// and inside a poll, reads it.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    origin: Instant,
    /// Nanoseconds of the polls that have ended.
    spent: AtomicU64,
    /// When the current poll began, on the clock that measures it.
    poll_start: AtomicU64,
    /// Whether that is the CPU clock of the thread.
    uses_thread_clock: AtomicBool,
    max: Duration,
    limit: LimitName,
}

impl CpuMeter {
    /// Creates a meter that allows `max`, the value of `limit`.
    pub(crate) fn new(max: Duration, limit: LimitName) -> Arc<CpuMeter> {
        Arc::new(CpuMeter {
            origin: Instant::now(),
            spent: AtomicU64::new(0),
            poll_start: AtomicU64::new(0),
            uses_thread_clock: AtomicBool::new(false),
            max,
            limit,
        })
    }

    fn now(&self) -> u64 {
        if self.uses_thread_clock.load(Ordering::Relaxed) {
            return thread_time();
        }
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How long the run has computed, without the current poll.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Whether this is a long run.
    fn is_long(&self) -> bool {
        self.spent() > LONG
    }

    /// Checks the limit. Called from inside a poll.
    ///
    /// # Errors
    /// The CPU time is used up.
    pub(crate) fn check(&self) -> Result<(), CpuSpent> {
        let this_poll = self
            .now()
            .saturating_sub(self.poll_start.load(Ordering::Relaxed));
        let spent =
            Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(this_poll));
        if spent > self.max {
            Err(CpuSpent {
                limit: self.limit,
                max: self.max,
            })
        } else {
            Ok(())
        }
    }
}

/// The CPU time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanoseconds = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    u64::try_from(nanoseconds).unwrap_or(0)
}

/// A future whose polls are measured.
pub(crate) struct Metered<F> {
    future: Pin<Box<F>>,
    meter: Arc<CpuMeter>,
    turns: Arc<Turns>,
    places: PollSemaphore,
    /// What the runs of the plugin compute, and whether this run is counted as a long one.
    share: Arc<CpuShare>,
    is_counted: bool,
    /// Whether it is waiting for its turn, or has one that it has not used yet.
    is_queued: bool,
}

impl<F> Metered<F> {
    /// Measures the polls of `future` with `meter`. Once this run, or another run of its plugin, is
    /// long, it waits for one of `turns` before each poll.
    pub(crate) fn new(
        future: F,
        meter: Arc<CpuMeter>,
        turns: Arc<Turns>,
        share: Arc<CpuShare>,
    ) -> Metered<F> {
        turns.begin(&share);
        Metered {
            future: Box::pin(future),
            meter,
            places: PollSemaphore::new(turns.places()),
            turns,
            share,
            is_counted: false,
            is_queued: false,
        }
    }

    /// Whether the next poll needs a turn.
    fn takes_turns(&mut self) -> bool {
        if self.meter.is_long() && !self.is_counted {
            self.share.begin_long();
            self.is_counted = true;
        }
        let is_quick = self.share.is_known_quick() && !self.share.is_heavy();
        self.share.has_long_runs() || (!is_quick && self.turns.has_neighbours())
    }

    /// Leaves the queue, and gives back a turn that it got in the meantime. Otherwise the other
    /// runs would lose that turn for as long as this run waits for something else.
    fn leave_queue(&mut self) {
        if self.is_queued {
            self.places = PollSemaphore::new(self.places.clone_inner());
            self.is_queued = false;
        }
    }
}

impl<F> Drop for Metered<F> {
    fn drop(&mut self) {
        self.share.end(self.is_counted);
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // A turn lasts one poll, which takes at most one time slice: the epoch makes the guest
        // yield.
        let _turn = if self.takes_turns() {
            self.is_queued = true;
            let turn = ready!(self.places.poll_acquire(context));
            self.is_queued = false;
            turn
        } else {
            self.leave_queue();
            None
        };
        self.meter
            .uses_thread_clock
            .store(self.meter.is_long(), Ordering::Relaxed);
        let start = self.meter.now();
        self.meter.poll_start.store(start, Ordering::Relaxed);
        let polled = self.future.as_mut().poll(context);
        let spent = self.meter.now().saturating_sub(start);
        self.meter.spent.fetch_add(spent, Ordering::Relaxed);
        self.share.spend(spent);
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::mpsc::channel;

    use super::*;

    const WAIT: Duration = Duration::from_millis(100);

    /// Polls once. The poll takes `WAIT` without computing, as if another process had the CPU.
    async fn blocked_poll(meter: &Arc<CpuMeter>) -> Duration {
        let (_sender, never) = channel::<()>();
        let before = meter.spent();
        let block = poll_fn(|_| Poll::Ready(never.recv_timeout(WAIT).is_err()));
        assert!(Metered::new(block, Arc::clone(meter), Turns::new(2), Arc::default()).await);
        meter.spent() - before
    }

    #[tokio::test]
    async fn a_long_run_is_not_charged_for_the_cpu_time_of_others() {
        let meter = CpuMeter::new(Duration::from_secs(1), LimitName::CpuTimeMax);
        assert!(
            blocked_poll(&meter).await >= WAIT,
            "a short run is measured by the wall clock"
        );
        let charged = blocked_poll(&meter).await;
        assert!(charged < WAIT / 2, "{charged:?}");
    }

    #[tokio::test]
    async fn a_new_run_waits_for_its_turn_if_its_plugin_has_a_long_run() {
        let (turns, share) = (Turns::new(2), Arc::<CpuShare>::default());
        let taken = turns.places().acquire_owned().await.unwrap();
        let run = || {
            Metered::new(
                async {},
                CpuMeter::new(WAIT, LimitName::CpuTimeMax),
                Arc::clone(&turns),
                Arc::clone(&share),
            )
        };
        run().await;
        share.begin_long();
        let mut waiting = run();
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut waiting).poll(context))).await;
        assert!(first.is_pending(), "it took no turn");
        drop(taken);
        waiting.await;
    }

    #[tokio::test]
    async fn a_run_that_no_longer_needs_a_turn_gives_it_back() {
        let (turns, share) = (Turns::new(2), Arc::<CpuShare>::default());
        let taken = turns.places().acquire_owned().await.unwrap();
        share.begin_long();
        let meter = CpuMeter::new(WAIT, LimitName::CpuTimeMax);
        let mut waiting = Metered::new(
            std::future::pending::<()>(),
            meter,
            Arc::clone(&turns),
            Arc::clone(&share),
        );
        for computes in [true, false] {
            if !computes {
                share.end(true);
            }
            let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut waiting).poll(context))).await;
            assert!(polled.is_pending());
        }
        drop(taken);
        assert!(
            turns.places().try_acquire().is_ok(),
            "the turn went to a run that waits for something else"
        );
    }

    #[tokio::test]
    async fn runs_of_an_unknown_plugin_take_turns_beside_others_only() {
        let turns = Turns::new(2);
        let run = |share: &Arc<CpuShare>| {
            let meter = CpuMeter::new(WAIT, LimitName::CpuTimeMax);
            Metered::new(async {}, meter, Arc::clone(&turns), Arc::clone(share))
        };
        let (quick, unknown) = (Arc::<CpuShare>::default(), Arc::<CpuShare>::default());
        let taken = turns.places().acquire_owned().await.unwrap();
        for _ in 0..3 {
            run(&quick).await;
        }
        let mut waiting = run(&unknown);
        run(&quick).await;
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut waiting).poll(context))).await;
        assert!(first.is_pending(), "it took no turn");
        quick.spend(u64::MAX);
        let mut heavy = run(&quick);
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut heavy).poll(context))).await;
        assert!(first.is_pending(), "it took no turn");
        drop(taken);
        waiting.await;
    }
}
