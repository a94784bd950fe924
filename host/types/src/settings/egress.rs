//! `[egress]`: limits of the requests that plugins make.

use std::time::Duration;

use crate::settings::ranges::TIMES;

/// Hands the table of `[egress]` on.
macro_rules! egress_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Limits of every request, and of how many there are.
        #[derive(Copy)]
        pub struct EgressSettings in "egress" named "egress." {
            /// Requests of all runs at a time.
            requests_max: usize as count = 1024, in 1 ..= 1_000_000, limit EgressRequestsMax;
            /// Requests of one run at a time.
            run_requests_max: usize as count = 16, in 1 ..= 1_000_000, limit EgressRunRequestsMax;
            /// Requests of one run from its start to its end.
            run_requests_total_max: usize as count = 256, in 1 ..= 1_000_000,
                limit EgressRunRequestsTotalMax;
            /// Bytes of the body of one request.
            request_bytes_max: usize as bytes = 8 << 20, in 0 ..= 64 << 20,
                limit EgressRequestBytesMax;
            /// Bytes of the body of one response.
            response_bytes_max: u64 as bytes = 64 << 20, in 1 ..= 1 << 40,
                limit EgressResponseBytesMax;
            /// Headers of a request, and of a response.
            headers_max: usize as count = 100, in 1 ..= 1000, limit EgressHeadersMax;
            /// Bytes of all header names and values, of a request and of a response.
            header_bytes_max: usize as bytes = 64 << 10, in 1 << 10 ..= 256 << 10,
                limit EgressHeaderBytesMax;
            /// Redirects that are followed.
            redirects_max: usize as count = 5, in 0 ..= 20, limit EgressRedirectsMax;
            /// Time for resolving a name, and again for connecting with TCP and TLS.
            connect_timeout: Duration as duration = Duration::from_secs(10), in TIMES,
                limit EgressConnectTimeout;
            /// From the request to the head of its response, and between two pieces of its body.
            idle_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit EgressIdleTimeout;
            /// From the beginning to the last byte, redirects included.
            time_max: Duration as duration = Duration::from_secs(120), in TIMES,
                limit EgressTimeMax;
        }
    } };
}

egress_table!(settings);
