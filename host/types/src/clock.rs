//! Time of day. Code that depends on it takes a [`Clock`], so that tests can set it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Returns the Unix time in milliseconds. It may jump forwards or backwards.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock.
pub fn system() -> Clock {
    Arc::new(|| milliseconds(since_epoch()))
}

/// The clocks of a service that keeps things for a time.
#[derive(Clone)]
pub struct Clocks {
    /// The time of day.
    pub now: Clock,
    /// The time that decides what is old enough to delete. It does not follow a clock that jumps
    /// ahead for a moment: what is deleted does not come back.
    pub retention: Clock,
}

impl From<Clock> for Clocks {
    /// The same clock for both.
    fn from(now: Clock) -> Clocks {
        let retention = Arc::clone(&now);
        Clocks { now, retention }
    }
}

impl<F: Fn() -> u64 + Send + Sync + 'static> From<Arc<F>> for Clocks {
    fn from(now: Arc<F>) -> Clocks {
        Clocks::from(now as Clock)
    }
}

impl Clocks {
    /// Two clocks from one that may jump. `last` is a time that was right before this process
    /// began: the clock may have jumped meanwhile.
    pub fn patient(now: Clock, last: Option<SystemTime>) -> Clocks {
        let start = Instant::now();
        let last = last.and_then(|last| last.duration_since(UNIX_EPOCH).ok());
        let retention = patient(
            Arc::clone(&now),
            Arc::new(move || milliseconds(start.elapsed())),
            last.map_or(u64::MAX, milliseconds),
        );
        Clocks { now, retention }
    }
}

/// A clock may be set ahead by this much at a time, milliseconds: it was a little slow.
const STEP: u64 = 60 * 1000;
/// How long a clock that jumped further ahead is not believed, milliseconds: an operator, or the
/// next look at a time server, sets it back within that time.
const DOUBT: u64 = 60 * 60 * 1000;

/// What a patient clock believes. All times are in milliseconds.
struct Belief {
    /// The time of day at the start of the steady clock.
    origin: u64,
    /// When the clock jumped ahead, by the steady clock.
    jumped_at: Option<u64>,
}

/// The time of `clock`, but for an hour after a jump ahead the time as it would be without. `steady`
/// never jumps, and may begin anywhere. The time before was `last`.
fn patient(clock: Clock, steady: Clock, last: u64) -> Clock {
    let origin = clock().min(last).saturating_sub(steady());
    let belief = Mutex::new(Belief {
        origin,
        jumped_at: None,
    });
    Arc::new(move || {
        let mut belief = belief.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, steady) = (clock(), steady());
        let expected = belief.origin.saturating_add(steady);
        if now <= expected.saturating_add(STEP) {
            belief.jumped_at = None;
        } else if steady.saturating_sub(*belief.jumped_at.get_or_insert(steady)) < DOUBT {
            return expected;
        }
        belief.origin = now.saturating_sub(steady);
        now
    })
}

/// The current Unix time; zero if the machine's clock is set before 1970.
pub fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// A duration in whole milliseconds.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const HOUR: u64 = DOUBT;
    const DAYS: u64 = 48 * HOUR;

    #[test]
    fn a_patient_clock_follows_a_jump_ahead_after_an_hour_and_a_jump_back_at_once() {
        let (day, steady) = (Arc::new(AtomicU64::new(DAYS)), Arc::new(AtomicU64::new(7)));
        let of = |time: &Arc<AtomicU64>| -> Clock {
            let time = Arc::clone(time);
            Arc::new(move || time.load(Ordering::Relaxed))
        };
        let clock = patient(of(&day), of(&steady), u64::MAX);
        let pass = |time: u64| {
            day.fetch_add(time, Ordering::Relaxed);
            steady.fetch_add(time, Ordering::Relaxed);
        };
        pass(HOUR);
        assert_eq!(clock(), DAYS + HOUR);
        day.fetch_add(STEP, Ordering::Relaxed);
        assert_eq!(clock(), DAYS + HOUR + STEP, "a small step");
        day.fetch_add(DAYS, Ordering::Relaxed);
        assert_eq!(clock(), DAYS + HOUR + STEP, "a jump");
        pass(HOUR - 1);
        assert_eq!(clock(), DAYS + 2 * HOUR + STEP - 1, "it goes on meanwhile");
        day.fetch_sub(DAYS, Ordering::Relaxed);
        assert_eq!(
            clock(),
            DAYS + 2 * HOUR + STEP - 1,
            "the jump was taken back"
        );
        day.fetch_add(DAYS, Ordering::Relaxed);
        clock();
        pass(HOUR);
        assert_eq!(clock(), 2 * DAYS + 3 * HOUR + STEP - 1, "the jump stays");
        day.fetch_sub(DAYS, Ordering::Relaxed);
        assert_eq!(clock(), DAYS + 3 * HOUR + STEP - 1, "a jump back");
    }

    #[test]
    fn a_patient_clock_doubts_a_jump_before_its_start() {
        let steady = Arc::new(AtomicU64::new(0));
        let of_steady: Clock = {
            let steady = Arc::clone(&steady);
            Arc::new(move || steady.load(Ordering::Relaxed))
        };
        let clock = patient(Arc::new(|| 3 * DAYS), of_steady, DAYS);
        assert_eq!(clock(), DAYS);
        steady.store(HOUR - 1, Ordering::Relaxed);
        assert_eq!(clock(), DAYS + HOUR - 1);
        steady.store(HOUR, Ordering::Relaxed);
        assert_eq!(clock(), 3 * DAYS, "nobody set it back");
    }
}
