//! What the HTTP surface needs to know.

use std::time::Duration;

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
    /// From the moment a connection waits for a request to the end of its headers, so an idle connection is closed after it, too.
    pub header_read_timeout: Duration,
    /// Connections at a time; one more waits in the operating system's queue.
    pub connections_max: usize,
    /// How long a client may take nothing of an answer before its connection is cut.
    pub write_stall_timeout: Duration,
    /// How long a stream may be silent before a comment is sent to keep it open.
    pub keep_alive_interval: Duration,
    /// Whether clients may deploy without proving who they are: true only where no other machine can reach the server.
    pub deploys_open: bool,
    /// Names of the headers a plugin gets to see. Those that carry credentials are never let through.
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
            header_read_timeout: Duration::from_secs(30),
            connections_max: 16_384,
            write_stall_timeout: Duration::from_secs(300),
            keep_alive_interval: Duration::from_secs(15),
            deploys_open: true,
            forwarded_headers: ["accept-language", "user-agent", "x-request-id"].map(str::to_owned).to_vec(),
        }
    }
}
