//! `[egress]`: limits of the requests that plugins make.

use std::time::Duration;

use crate::settings::ranges::TIMES;

/// Passes the table of `[egress]` to the next macro.
macro_rules! egress_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Limits of each request, and of the number of requests.
        #[derive(Copy)]
        pub struct EgressSettings in "egress" named "egress." {
            /// Maximum number of concurrent requests of all runs.
            requests_max: usize as count = 1024, in 1 ..= 1_000_000, limit EgressRequestsMax;
            /// Maximum number of concurrent requests of one run.
            run_requests_max: usize as count = 16, in 1 ..= 1_000_000, limit EgressRunRequestsMax;
            /// Maximum number of requests of one run in total.
            run_requests_total_max: usize as count = 256, in 1 ..= 1_000_000,
                limit EgressRunRequestsTotalMax;
            /// Maximum size of a request body.
            request_bytes_max: usize as bytes = 8 << 20, in 0 ..= 64 << 20,
                limit EgressRequestBytesMax;
            /// Maximum size of a response body.
            response_bytes_max: u64 as bytes = 64 << 20, in 1 ..= 1 << 40,
                limit EgressResponseBytesMax;
            /// Maximum number of headers in a request, and in a response.
            headers_max: usize as count = 100, in 1 ..= 1000, limit EgressHeadersMax;
            /// Maximum size of all header names and values of a request, and of a response.
            header_bytes_max: usize as bytes = 64 << 10, in 1 << 10 ..= 256 << 10,
                limit EgressHeaderBytesMax;
            /// Maximum number of redirects to follow.
            redirects_max: usize as count = 5, in 0 ..= 20, limit EgressRedirectsMax;
            /// Timeout for resolving the host name, and again for connecting (TCP and TLS).
            connect_timeout: Duration as duration = Duration::from_secs(10), in TIMES,
                limit EgressConnectTimeout;
            /// Timeout for the response headers, and between two parts of the response body.
            idle_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit EgressIdleTimeout;
            /// Maximum duration of a request up to the last byte, redirects included.
            time_max: Duration as duration = Duration::from_secs(120), in TIMES,
                limit EgressTimeMax;
        }
    } };
}

egress_table!(settings);
