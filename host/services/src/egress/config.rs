//! What bounds the requests of guests.

use std::time::Duration;

/// Bounds of every request, and of how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressConfig {
    /// Requests of all runs at a time.
    pub requests_max: usize,
    /// Requests of one run at a time.
    pub run_requests_max: usize,
    /// Requests of one run from its start to its end.
    pub run_requests_total_max: usize,
    /// Bytes of one request's body.
    pub request_bytes_max: usize,
    /// Bytes of one response's body.
    pub response_bytes_max: u64,
    /// Headers of a request, and of a response.
    pub headers_max: usize,
    /// Bytes of all names and values, of a request and of a response.
    pub header_bytes_max: usize,
    /// Redirects that are followed.
    pub redirects_max: usize,
    /// Name resolution, and then TCP and TLS together.
    pub connect_timeout: Duration,
    /// From the request to the head of its answer, and between two pieces of its body.
    pub idle_timeout: Duration,
    /// From the beginning to the last byte, redirects included.
    pub time_max: Duration,
}

impl Default for EgressConfig {
    fn default() -> EgressConfig {
        EgressConfig {
            requests_max: 1024,
            run_requests_max: 16,
            run_requests_total_max: 256,
            request_bytes_max: 8 << 20,
            response_bytes_max: 64 << 20,
            headers_max: 100,
            header_bytes_max: 64 << 10,
            redirects_max: 5,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            time_max: Duration::from_secs(120),
        }
    }
}
