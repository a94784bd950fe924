//! `[keys]`: who gets in without a key, and how often one may try.

/// Hands the table of `[keys]` on.
macro_rules! keys_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Who gets in without a key, and how often one may try.
        #[derive(Copy)]
        pub struct KeysSettings in "keys" named "keys." {
            /// Whether every request needs a key, on a loopback address too.
            required: bool as flag = false;
            /// Requests of one address with a wrong key or, where one is needed, without one; more
            /// are answered with 429.
            failures_per_minute: u32 as count = 60, in 1 ..= 1_000_000,
                limit KeyFailuresPerMinute;
            /// Requests of one address without a key, on an open server that other machines reach;
            /// more are answered with 429. 0 means no limit.
            anonymous_per_minute: u32 as count = 0, in 0 ..= 1_000_000,
                limit AnonymousPerMinute;
        }
    } };
}

keys_table!(settings);
