//! `[state]`: how much state a plugin may store, and how long what a removed one leaves is kept.

use std::time::Duration;

use crate::settings::ranges::{KEPT, MANY, YEARS};

/// Passes the table of `[state]` to the next macro.
macro_rules! state_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// How much state one pipeline may store.
        #[derive(Copy)]
        pub struct StateQuota in "state" named "state." {
            /// Maximum number of keys of one pipeline.
            keys_max: u64 as count = 10_000, in MANY, limit StateKeysMax;
            /// Maximum size of the state of one pipeline, keys and values together.
            bytes_max: u64 as bytes = 64 << 20, in 1 ..= 1 << 40, limit StateBytesMax;
            /// Maximum length of one key.
            key_bytes_max: usize as bytes = 512, in 1 ..= 64 << 10, limit StateKeyBytesMax;
            /// Maximum size of one value.
            value_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20,
                limit StateValueBytesMax;
            /// Maximum time to live of an entry; one without does not expire.
            ttl_max: Duration as duration = YEARS, in KEPT, limit StateTtlMax;
        }

        /// How long what removed pipelines leave behind is kept.
        #[derive(Copy)]
        pub struct StateRetention in "state" named "state." {
            /// How long the state of a removed pipeline is kept, in case the pipeline comes back.
            keep_removed: Duration as duration = Duration::from_hours(30 * 24), in KEPT;
            /// Maximum size of the state of all removed pipelines together; beyond it, the state of
            /// the one that was removed first is deleted first.
            removed_bytes_max: u64 as bytes = 4 << 30, in 0 ..= 1 << 44;
            /// Maximum number of removed pipelines that are remembered; beyond it, those without
            /// state are forgotten first, then the one that was removed first.
            removed_max: usize as count = 10_000, in MANY;
        }
    } };
}

state_table!(settings);
