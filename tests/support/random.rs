//! Pseudo-random numbers from a seed, so that a failed test can be repeated.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The variable with the seed of the run to repeat.
const SEED: &str = "HAYRICK_TEST_SEED";

/// The generator SplitMix64.
pub struct Random(u64);

/// The requested seed, or a new one.
pub fn seed() -> u64 {
    let asked_for = std::env::var(SEED).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{SEED} is not a number: {text}"))
    });
    asked_for.unwrap_or_else(|| RandomState::new().hash_one(SEED))
}

impl Random {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A duration shorter than `end`, in whole milliseconds.
    pub fn span(&mut self, end: Duration) -> Duration {
        Duration::from_millis(self.below(end.as_millis() as u64))
    }
}
