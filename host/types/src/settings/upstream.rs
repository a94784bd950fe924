//! `[upstreams.ALIAS]`: the configured model servers, and their caches.

use std::time::Duration;

use crate::settings::ranges::TIMES;
use crate::settings::row::{Kind, Preset, Row};

/// Hands the tables of an upstream on.
macro_rules! upstream_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// How an upstream is asked.
        pub struct UpstreamSettings in "upstreams.ALIAS" named "upstreams." {
            /// Time for resolving the name and connecting with TCP and TLS.
            connect_timeout: Duration as duration = Duration::from_secs(5), in TIMES,
                limit UpstreamConnectTimeout;
            /// From sending a request to its first token.
            first_token_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit UpstreamFirstTokenTimeout;
            /// Time between two pieces of an answer.
            idle_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit UpstreamIdleTimeout;
            /// Requests at a time; further ones wait.
            concurrency_max: usize as count = 64, in 1 ..= 65_536;
            /// Requests that wait for a place; one more is refused.
            queue_max: usize as count = 256, in 0 ..= 65_536, limit UpstreamQueueMax;
            /// Attempts after the first one.
            retries_max: u32 as count = 2, in 0 ..= 100;
            /// Wait before the first retry; it doubles with each.
            backoff_base: Duration as duration = Duration::from_millis(250), in TIMES;
            /// Longest wait before a retry. An upstream whose `Retry-After` is longer is not tried
            /// again.
            backoff_cap: Duration as duration = Duration::from_secs(10), in TIMES;
            /// Failures in a row that open the circuit breaker.
            breaker_failures: u32 as count = 5, in 1 ..= 1_000_000;
            /// How long an open breaker lets nothing through.
            breaker_open: Duration as duration = Duration::from_secs(10), in TIMES;
            /// Bytes of one server-sent event.
            event_bytes_max: usize as bytes = 1 << 20, in 1 << 10 ..= 1 << 30,
                limit UpstreamEventBytesMax;
            /// Bytes of the text of one answer.
            answer_bytes_max: usize as bytes = 64 << 20, in 1 << 10 ..= 4 << 30,
                limit UpstreamAnswerBytesMax;
            /// Aliases that are asked in this order when this upstream fails; their own fallbacks
            /// are not followed.
            fallbacks: Vec<String> as list = &[];
        }

        /// The response cache of one upstream. It keeps answers of up to 256 KiB.
        #[derive(Copy)]
        pub struct CacheSettings in "upstreams.ALIAS.cache" named "upstreams.cache." {
            /// How long an answer is repeated.
            ttl: Duration as duration = Duration::from_secs(300),
                in Duration::from_millis(1) ..= Duration::from_hours(30 * 24);
            /// Answers that are kept; the oldest goes first.
            entries_max: usize as count = 1024, in 1 ..= 1_000_000;
        }
    } };
}

upstream_table!(settings);

/// Which server an upstream is; a function reads these.
pub const SERVER_ROWS: &[Row] = &[
    Row::new(
        "base_url",
        Kind::Text("URL"),
        Preset::Required,
        "Address of the server; `/chat/completions` is appended to it.",
    ),
    Row::new(
        "model",
        Kind::Text("text"),
        Preset::Required,
        "Name of the model at this server.",
    ),
    Row::new(
        "api_key_env",
        Kind::Text("variable"),
        Preset::Absent("no key"),
        "Environment variable that holds the API key.",
    ),
    Row::new(
        "api_key_file",
        Kind::Text("path"),
        Preset::Absent("no key"),
        "File that holds the API key.",
    ),
    Row::new(
        "api_key",
        Kind::Text("secret"),
        Preset::Absent("no key"),
        "The API key itself; better in a variable or a file. Only one of the three may be set.",
    ),
];
