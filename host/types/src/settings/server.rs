//! `[server]`: what clients may send, and how the server handles them.

use std::time::Duration;

use crate::settings::ranges::TIMES;
use crate::settings::row::{Kind, Preset, Row};

/// Passes the table of `[server]` to the next macro.
macro_rules! server_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Limits and behaviour of the HTTP server.
        pub struct ServerSettings in "server" named "" {
            /// How long running answers have to finish after a stop signal.
            drain_deadline: Duration as duration = Duration::from_secs(30),
                in Duration::ZERO ..= Duration::from_hours(1);
            /// Maximum number of open connections. A new one then replaces the connection that has
            /// been idle longest; if all are busy, it waits in the operating system's queue.
            connections_max: usize as count = 16_384, in 1 ..= 1_000_000, limit ConnectionsMax;
            /// Maximum number of open connections from one address; further ones are closed at
            /// once. 0 means no limit.
            // Everyone behind a proxy or in an office shares one address.
            address_connections_max: usize as count = 0, in 0 ..= 1_000_000,
                page "1024; no limit on a loopback address", limit AddressConnectionsMax;
            /// Maximum number of headers in a request; more are rejected with 431.
            headers_max: usize as count = 100, in 8 ..= 1000, limit HeadersMax;
            /// Maximum size of a request's first line and headers; larger ones are rejected with
            /// 431.
            header_bytes_max: usize as bytes = 64 << 10, in 8 << 10 ..= 1 << 20,
                limit HeaderBytesMax;
            /// Time a connection has to send the headers of its next request, idle time included;
            /// then it is closed.
            header_read_timeout: Duration as duration = Duration::from_secs(30), in TIMES,
                limit HeaderReadTimeout;
            /// Maximum size of a request body; a larger one is rejected with 413.
            body_bytes_max: usize as bytes = 32 << 20, in 1 << 10 ..= 1 << 30, limit BodyBytesMax;
            /// Maximum size of all request bodies and form fields that one client has in memory; a
            /// body for which no room is left is refused with 429. A client is an API key, or the
            /// address of a client without one.
            client_bodies_bytes_max: u64 as bytes = 64 << 20, in 1 << 10 ..= 1 << 40,
                limit ClientBodiesBytesMax;
            /// Maximum size of all request bodies and form fields in memory; a body for which no
            /// room is left is refused with 429.
            bodies_bytes_max: u64 as bytes = 256 << 20, in 1 << 10 ..= 1 << 40,
                limit BodiesBytesMax;
            /// Time a client has to send a body after the headers; a slower client gets a 408.
            body_read_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit BodyReadTimeout;
            /// How long a client may pause while sending a body before it gets a 408.
            body_stall_timeout: Duration as duration = Duration::from_secs(10), in TIMES,
                limit BodyStallTimeout;
            /// Minimum average rate of a body in bytes per second, checked once the server has
            /// waited for it for `body_stall_timeout` in all; a slower client gets a 408. 0 means
            /// no limit.
            body_rate_min: u64 as bytes = 1 << 10, in 0 ..= 1 << 20, limit BodyRateMin;
            /// Maximum nesting depth of arrays and objects in a body; a deeper one is rejected with
            /// 400.
            // The JSON parser's own maximum.
            json_depth_max: usize as count = 128, in 1 ..= 128, limit JsonDepthMax;
            /// Maximum number of files in an upload; more are rejected with 413.
            files_max: usize as count = 64, in 1 ..= 10_000, limit FilesMax;
            /// Maximum size of an uploaded file; a larger one is rejected with 413.
            file_bytes_max: u64 as bytes = 1 << 30, in 1 ..= 1 << 40, limit FileBytesMax;
            /// Maximum size of an upload, all its files and fields together; a larger one is
            /// rejected with 413.
            upload_bytes_max: u64 as bytes = 2 << 30, in 1 ..= 1 << 40, limit UploadBytesMax;
            /// Maximum size of all uploaded files of one client that are on disk, arriving ones
            /// included; an upload for which no room is left is refused with 429.
            client_spool_bytes_max: u64 as bytes = 2 << 30, in 1 ..= 1 << 40,
                limit ClientSpoolBytesMax;
            /// Maximum size of all uploaded files for one pipeline that are on disk.
            pipeline_spool_bytes_max: u64 as bytes = 4 << 30, in 1 ..= 1 << 40,
                limit PipelineSpoolBytesMax;
            /// Maximum size of all uploaded files that are on disk.
            spool_bytes_max: u64 as bytes = 8 << 30, in 1 ..= 1 << 40, limit SpoolBytesMax;
            /// Maximum number of form fields in an upload, not counting its files; more are
            /// rejected with 413.
            fields_max: usize as count = 256, in 0 ..= 10_000, limit FieldsMax;
            /// Maximum size of a form field; a larger one is rejected with 413.
            field_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20, limit FieldBytesMax;
            /// How long a client may pause during an upload before it gets a 408.
            upload_stall_timeout: Duration as duration = Duration::from_secs(30), in TIMES,
                limit UploadStallTimeout;
            /// How long the upload of a component may take in all; a slower client gets a 408.
            deploy_time_max: Duration as duration = Duration::from_secs(600), in TIMES,
                limit DeployTimeMax;
            /// How long a client may stop reading an answer before its connection is closed.
            write_stall_timeout: Duration as duration = Duration::from_secs(300), in TIMES,
                limit WriteStallTimeout;
            /// How long a stream may be silent before the server sends a comment to keep it open.
            keep_alive_interval: Duration as duration = Duration::from_secs(15), in TIMES;
            /// Request headers that plugins can read; headers with credentials are never passed on.
            forwarded_headers: Vec<String> as list =
                &["accept-language", "user-agent", "x-request-id"];
            /// Origins whose pages and apps may read answers, for example
            /// `"https://chat.example.com"` or `"app://obsidian.md"`.
            cors_origins: Vec<String> as list = &[];
            /// Host names, in addition to those of this machine, for which requests without a key
            /// are accepted on a loopback address.
            allowed_hosts: Vec<String> as list = &[];
            /// Addresses of the proxies in front of the server, alone or as networks, for example
            /// `"127.0.0.1"` or `"10.0.0.0/8"`. What they say of a client in `X-Forwarded-For`,
            /// `X-Forwarded-Prefix` and `Forwarded` is believed; of anybody else nothing is, and a
            /// request with such a header is not one of this machine.
            trusted_proxies: Vec<String> as list = &[];
        }
    } };
}

server_table!(settings);

/// The address to listen on.
pub const HOST: Row = Row::new(
    "host",
    Kind::Text("IP address"),
    Preset::Text("127.0.0.1"),
    "IP address to listen on.",
)
.flag("--host", "HAYRICK_HOST");

/// The port to listen on.
pub const PORT: Row = Row::new(
    "port",
    Kind::Count(0..=65_535),
    Preset::Number(PORT_DEFAULT as u64),
    "Port to listen on; 0 picks a free one.",
)
.flag("--port", "HAYRICK_PORT");

/// The default port.
pub const PORT_DEFAULT: u16 = 1416;

/// Where the server listens. A function reads these rows together with their flags.
pub const ADDRESS_ROWS: &[Row] = &[HOST, PORT];
