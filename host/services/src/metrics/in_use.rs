//! Bytes in use, counted so that they can be limited and shown.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A shared number of bytes.
#[derive(Debug, Default)]
pub struct BytesInUse(AtomicUsize);

impl BytesInUse {
    /// Takes `bytes` unless more than `max` would be in use.
    pub fn take(&self, bytes: usize, max: usize) -> bool {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|total| total <= max);
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    /// Gives back what was taken.
    pub fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// How many are in use.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let bytes = BytesInUse::default();
        assert!(bytes.take(60, 100) && !bytes.take(41, 100) && bytes.take(40, 100));
        bytes.give_back(100);
        assert_eq!(bytes.bytes(), 0);
    }
}
