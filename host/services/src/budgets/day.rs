//! The tokens of one pipeline on one day.

use std::sync::{Mutex, PoisonError};

/// Milliseconds of a day.
pub(super) const DAY: u64 = 24 * 60 * 60 * 1000;

/// The number of a day since 1970 (UTC).
pub(super) fn day_of(now: u64) -> u64 {
    now / DAY
}

#[derive(Debug, Default, Clone, Copy)]
struct DayTokens {
    day: u64,
    tokens: u64,
    unwritten: bool,
}

/// A counter that starts again each day. Its lock is held for one addition.
#[derive(Debug, Default)]
pub(super) struct DayUse(Mutex<DayTokens>);

impl DayUse {
    /// The stored tokens of a day.
    pub(super) fn new(day: u64, tokens: u64) -> DayUse {
        DayUse(Mutex::new(DayTokens {
            day,
            tokens,
            unwritten: false,
        }))
    }

    fn with<T>(&self, act: impl FnOnce(&mut DayTokens) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tokens used on `today`.
    pub(super) fn tokens(&self, today: u64) -> u64 {
        self.with(|used| if used.day == today { used.tokens } else { 0 })
    }

    /// Adds `more` tokens, and gives `less` back.
    pub(super) fn change(&self, today: u64, more: u64, less: u64) {
        self.with(|used| {
            let before = if used.day == today { used.tokens } else { 0 };
            *used = DayTokens {
                day: today,
                tokens: before.saturating_add(more).saturating_sub(less),
                unwritten: true,
            };
        });
    }

    pub(super) fn is_unwritten(&self) -> bool {
        self.with(|used| used.unwritten)
    }

    /// The day and its tokens, which from now on count as written.
    pub(super) fn written(&self) -> (u64, u64) {
        self.with(|used| {
            used.unwritten = false;
            (used.day, used.tokens)
        })
    }

    /// The write failed.
    pub(super) fn not_written(&self) {
        self.with(|used| used.unwritten = true);
    }
}
