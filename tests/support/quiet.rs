//! Tests that measure time have the machine to themselves; all others share it.

use std::time::{Duration, Instant};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// The lock on the machine, held as long as the folders of a test's host exist. A test has one host
/// at a time: two locks of one test could deadlock.
#[expect(dead_code, reason = "the guards are held, not read")]
pub enum Machine {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// Measures time. Every assertion on elapsed time uses it, and so needs the lock.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

/// Waits for the machine.
pub async fn machine(is_alone: bool) -> Machine {
    if is_alone {
        Machine::Alone(MACHINE.write().await)
    } else {
        Machine::Shared(MACHINE.read().await)
    }
}

impl Machine {
    /// Starts to measure.
    ///
    /// # Panics
    /// Other tests share the machine and would distort the measurement.
    #[track_caller]
    pub fn stopwatch(&self) -> Stopwatch {
        assert!(
            matches!(self, Machine::Alone(_)),
            "a test that measures time needs the machine to itself"
        );
        Stopwatch(Instant::now())
    }
}

impl Stopwatch {
    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
