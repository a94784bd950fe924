//! What one pipeline has taken on one day.

use std::sync::{Mutex, PoisonError};

/// Milliseconds of a day.
pub(super) const DAY: u64 = 24 * 60 * 60 * 1000;

/// The number of a day since 1970 (UTC).
pub(super) fn day_of(now: u64) -> u64 {
    now / DAY
}

#[derive(Debug, Default, Clone, Copy)]
struct Taken {
    day: u64,
    tokens: u64,
    unwritten: bool,
}

/// Counts up, and begins anew with each day. The lock is held for an addition.
#[derive(Debug, Default)]
pub(super) struct DayUse(Mutex<Taken>);

impl DayUse {
    /// What a file says of a day.
    pub(super) fn new(day: u64, tokens: u64) -> DayUse {
        DayUse(Mutex::new(Taken {
            day,
            tokens,
            unwritten: false,
        }))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Taken) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tokens taken on `today`.
    pub(super) fn tokens(&self, today: u64) -> u64 {
        self.with(|taken| if taken.day == today { taken.tokens } else { 0 })
    }

    /// Takes `more` tokens, and gives `less` back.
    pub(super) fn change(&self, today: u64, more: u64, less: u64) {
        self.with(|taken| {
            let before = if taken.day == today { taken.tokens } else { 0 };
            *taken = Taken {
                day: today,
                tokens: before.saturating_add(more).saturating_sub(less),
                unwritten: true,
            };
        });
    }

    pub(super) fn is_unwritten(&self) -> bool {
        self.with(|taken| taken.unwritten)
    }

    /// What is to be written; from now on it counts as written.
    pub(super) fn written(&self) -> (u64, u64) {
        self.with(|taken| {
            taken.unwritten = false;
            (taken.day, taken.tokens)
        })
    }

    /// The write failed.
    pub(super) fn not_written(&self) {
        self.with(|taken| taken.unwritten = true);
    }
}
