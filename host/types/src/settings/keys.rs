//! `[keys]`: who may send requests without a key, and how many attempts are allowed.

/// Passes the table of `[keys]` to the next macro.
macro_rules! keys_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Who may send requests without a key, and how many attempts are allowed.
        #[derive(Copy)]
        pub struct KeysSettings in "keys" named "keys." {
            /// Whether every request needs a key, even on a loopback address.
            required: bool as flag = false;
            /// Maximum number of requests per minute from one address with a wrong key, or without
            /// a required one; more are rejected with 429.
            failures_per_minute: u32 as count = 60, in 1 ..= 1_000_000,
                limit KeyFailuresPerMinute;
            /// Maximum number of requests per minute from one address without a key, on an open
            /// server that other machines can reach; more are rejected with 429. 0 means no limit.
            anonymous_per_minute: u32 as count = 0, in 0 ..= 1_000_000,
                limit AnonymousPerMinute;
        }
    } };
}

keys_table!(settings);
