//! What is in use, counted so that it can be limited and shown.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A shared number: bytes, or calls.
#[derive(Debug, Default)]
pub struct InUse(AtomicUsize);

impl InUse {
    /// Takes `count` unless more than `max` would be in use.
    pub fn take(&self, count: usize, max: usize) -> bool {
        let before = self.0.fetch_add(count, Ordering::Relaxed);
        let fits = before.checked_add(count).is_some_and(|total| total <= max);
        if !fits {
            self.give_back(count);
        }
        fits
    }

    /// Gives back what was taken.
    pub fn give_back(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// How many are in use.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let memory = InUse::default();
        assert!(memory.take(60, 100) && !memory.take(41, 100) && memory.take(40, 100));
        memory.give_back(100);
        assert_eq!(memory.count(), 0);
    }
}
