//! `[upstreams.ALIAS]`: the configured model servers, and their caches.

use std::time::Duration;

use crate::settings::ranges::TIMES;
use crate::settings::row::{Kind, Preset, Row};

/// Passes the tables of an upstream to the next macro.
macro_rules! upstream_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// How requests to an upstream are made.
        pub struct UpstreamSettings in "upstreams.ALIAS" named "upstreams." {
            /// Timeout for resolving the host name and connecting (TCP and TLS).
            connect_timeout: Duration as duration = Duration::from_secs(5), in TIMES,
                limit UpstreamConnectTimeout;
            /// Timeout from sending a request to the first token.
            first_token_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit UpstreamFirstTokenTimeout;
            /// Timeout between two chunks of an answer.
            idle_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit UpstreamIdleTimeout;
            /// Maximum number of concurrent requests; further ones wait.
            concurrency_max: usize as count = 4096, in 1 ..= 65_536;
            /// Maximum number of waiting requests; further ones are refused.
            queue_max: usize as count = 4096, in 0 ..= 65_536, limit UpstreamQueueMax;
            /// Maximum number of retries.
            retries_max: u32 as count = 2, in 0 ..= 100;
            /// Wait before the first retry; it doubles with each further one.
            backoff_base: Duration as duration = Duration::from_millis(250), in TIMES;
            /// Maximum wait before a retry. If `Retry-After` of the upstream is longer, the request
            /// is not retried.
            backoff_cap: Duration as duration = Duration::from_secs(10), in TIMES;
            /// Number of consecutive failures that open the circuit breaker.
            breaker_failures: u32 as count = 5, in 1 ..= 1_000_000;
            /// How long the circuit breaker stays open before it lets a request through.
            breaker_open: Duration as duration = Duration::from_secs(10), in TIMES;
            /// Maximum size of a server-sent event; an image comes in one.
            event_bytes_max: usize as bytes = 64 << 20, in 1 << 10 ..= 1 << 30,
                limit UpstreamEventBytesMax;
            /// Maximum size of the text of an answer.
            answer_bytes_max: usize as bytes = 64 << 20, in 1 << 10 ..= 4 << 30,
                limit UpstreamAnswerBytesMax;
            /// Aliases to try in this order when this upstream fails; their own fallbacks are not
            /// followed.
            fallbacks: Vec<String> as list = &[];
            /// Whether clients may ask it directly: its alias stands in `/v1/models` like a pipeline,
            /// and has a policy file of that name.
            public: bool as flag = false;
        }

        /// The response cache of one upstream. It stores answers of up to 256 KiB.
        #[derive(Copy)]
        pub struct CacheSettings in "upstreams.ALIAS.cache" named "upstreams.cache." {
            /// How long an answer is reused.
            ttl: Duration as duration = Duration::from_secs(300),
                in Duration::from_millis(1) ..= Duration::from_hours(30 * 24);
            /// Maximum number of cached answers; the oldest is removed first.
            entries_max: usize as count = 1024, in 1 ..= 1_000_000;
        }
    } };
}

upstream_table!(settings);

/// The server of an upstream. A function reads these rows.
pub const SERVER_ROWS: &[Row] = &[
    Row::new(
        "base_url",
        Kind::Text("URL"),
        Preset::Required,
        "Base URL of the server; `/chat/completions` is appended to it.",
    ),
    Row::new(
        "model",
        Kind::Text("text"),
        Preset::Required,
        "Name of the model on this server.",
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
        "The API key itself; prefer a variable or a file. Set only one of the three.",
    ),
];
