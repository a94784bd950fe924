//! How much a plugin may remember, and for how long.

use std::time::Duration;

use hayrick_types::settings::state::StateQuota;

/// Bounds of what is remembered; each is enforced when an entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateConfig {
    /// Bytes of one key.
    pub key_bytes_max: usize,
    /// Of one pipeline.
    pub quota: StateQuota,
    /// The longest time after which an entry may go; one without such a time stays.
    pub ttl_max: Duration,
}

impl Default for StateConfig {
    /// Keys of 512 bytes, ten years, and the quota of the settings.
    fn default() -> StateConfig {
        StateConfig {
            key_bytes_max: 512,
            quota: StateQuota::default(),
            ttl_max: Duration::from_secs(10 * 365 * 24 * 60 * 60),
        }
    }
}
