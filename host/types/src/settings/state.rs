//! `[state]`: how much a plugin may remember.

use crate::settings::ranges::MANY;

/// Hands the table of `[state]` on.
macro_rules! state_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// What one pipeline may remember.
        #[derive(Copy)]
        pub struct StateQuota in "state" named "state." {
            /// Keys of one pipeline.
            keys_max: u64 as count = 10_000, in MANY, limit StateKeysMax;
            /// Bytes of one pipeline, keys and values together.
            bytes_max: u64 as bytes = 64 << 20, in 1 ..= 1 << 40, limit StateBytesMax;
            /// Bytes of one value.
            value_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20,
                limit StateValueBytesMax;
        }
    } };
}

state_table!(settings);
