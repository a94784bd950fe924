//! What the HTTP surface needs to know.

use std::time::Duration;

/// Who gets in without a key, and how often one may try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessConfig {
    /// Whether a request without a key may do everything.
    pub open: bool,
    /// Whether only this machine can come.
    pub is_loopback: bool,
    /// Names beside those of this machine that a request without a key may call an open server by.
    pub allowed_hosts: Vec<String>,
    /// Wrong or missing keys of one address; more are answered 429.
    pub failures_per_minute: u32,
    /// Requests without a key of one address where other machines can come; 0 is no bound.
    pub anonymous_per_minute: u32,
}

impl Default for AccessConfig {
    fn default() -> AccessConfig {
        AccessConfig {
            open: true,
            is_loopback: true,
            allowed_hosts: Vec::new(),
            failures_per_minute: 60,
            anonymous_per_minute: 0,
        }
    }
}

/// Limits and habits of the HTTP surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// Bytes of one request's body; a longer one is answered 413.
    pub body_bytes_max: usize,
    /// From the end of the headers to the end of the body; a slower client is answered 408.
    pub body_read_timeout: Duration,
    /// Files of one upload.
    pub files_max: usize,
    /// Bytes of one file; a longer one is answered 413.
    pub file_bytes_max: u64,
    /// Bytes of one upload, all its files and fields together; a longer one is answered 413.
    pub upload_bytes_max: u64,
    /// Fields of one upload beside its files.
    pub fields_max: usize,
    /// Bytes of one such field, and of a file's name or content type.
    pub field_bytes_max: usize,
    /// How long a client may send nothing of an upload before it is answered 408.
    pub upload_stall_timeout: Duration,
    /// Bytes of a request's line and headers; more is answered 431. Below 8 KiB it counts as 8 KiB.
    pub header_bytes_max: usize,
    /// Headers of a request; more are answered 431.
    pub headers_max: usize,
    /// From the moment a connection waits for a request to the end of its headers, so an idle
    /// connection is closed after it, too.
    pub header_read_timeout: Duration,
    /// Connections at a time; for one more the longest idle one is closed, and while none is idle
    /// it waits in the operating system's queue.
    pub connections_max: usize,
    /// Connections of one address at a time; one more is closed at once. 0 is no bound.
    pub address_connections_max: usize,
    /// How long a client may send nothing of a body before it is answered 408.
    pub body_stall_timeout: Duration,
    /// Bytes a second that a body must come with on the average, once it has been waited for as
    /// long as it may stall; a slower one is answered 408. 0 is no bound.
    pub body_rate_min: u64,
    /// How deep arrays and objects of a body may lie in each other; deeper is answered 400.
    pub json_depth_max: usize,
    /// Origins whose pages a browser lets read answers.
    pub cors_origins: Vec<String>,
    pub access: AccessConfig,
    /// How long a client may take nothing of an answer before its connection is cut.
    pub write_stall_timeout: Duration,
    /// How long a stream may be silent before a comment is sent to keep it open.
    pub keep_alive_interval: Duration,
    /// Names of the headers a plugin gets to see. Those that carry credentials are never let
    /// through.
    pub forwarded_headers: Vec<String>,
}

impl Default for ApiConfig {
    fn default() -> ApiConfig {
        ApiConfig {
            body_bytes_max: 32 << 20,
            body_read_timeout: Duration::from_secs(60),
            files_max: 64,
            file_bytes_max: 1 << 30,
            upload_bytes_max: 4 << 30,
            fields_max: 256,
            field_bytes_max: 1 << 20,
            upload_stall_timeout: Duration::from_secs(30),
            header_bytes_max: 64 << 10,
            headers_max: 100,
            header_read_timeout: Duration::from_secs(30),
            connections_max: 16_384,
            address_connections_max: 0,
            body_stall_timeout: Duration::from_secs(10),
            body_rate_min: 1 << 10,
            json_depth_max: 128,
            cors_origins: Vec::new(),
            access: AccessConfig::default(),
            write_stall_timeout: Duration::from_secs(300),
            keep_alive_interval: Duration::from_secs(15),
            forwarded_headers: ["accept-language", "user-agent", "x-request-id"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}
