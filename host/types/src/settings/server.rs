//! `[server]`: what clients may send, and how they are served.

use std::time::Duration;

use crate::settings::ranges::TIMES;
use crate::settings::row::{Kind, Preset, Row};

/// Hands the table of `[server]` on.
macro_rules! server_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Limits and habits of the HTTP server.
        pub struct ServerSettings in "server" named "" {
            /// How long running answers may go on once the server is told to stop.
            drain_deadline: Duration as duration = Duration::from_secs(30),
                in Duration::ZERO ..= Duration::from_hours(1);
            /// Connections at a time. For one more the longest idle one is closed; while none is
            /// idle, it waits in the operating system's queue.
            connections_max: usize as count = 16_384, in 1 ..= 1_000_000, limit ConnectionsMax;
            /// Connections of one address at a time; one more is closed at once. 0 means no limit.
            // Proxies and offices share one address.
            address_connections_max: usize as count = 0, in 0 ..= 1_000_000,
                page "1024; no limit on a loopback address", limit AddressConnectionsMax;
            /// Headers of a request; more are answered with 431.
            headers_max: usize as count = 100, in 8 ..= 1000, limit HeadersMax;
            /// Bytes of a request's first line and headers; more are answered with 431.
            header_bytes_max: usize as bytes = 64 << 10, in 8 << 10 ..= 1 << 20,
                limit HeaderBytesMax;
            /// From the moment a connection waits for a request to the end of its headers; then the
            /// connection is closed, an idle one too.
            header_read_timeout: Duration as duration = Duration::from_secs(30), in TIMES,
                limit HeaderReadTimeout;
            /// Bytes of a request's body; a longer one is answered with 413.
            body_bytes_max: usize as bytes = 32 << 20, in 1 << 10 ..= 1 << 30, limit BodyBytesMax;
            /// From the end of the headers to the end of the body; a slower client is answered with
            /// 408.
            body_read_timeout: Duration as duration = Duration::from_secs(60), in TIMES,
                limit BodyReadTimeout;
            /// How long a client may send nothing of a body before it is answered with 408.
            body_stall_timeout: Duration as duration = Duration::from_secs(10), in TIMES,
                limit BodyStallTimeout;
            /// Bytes a second that a body must arrive with on average, once the server has waited
            /// for it as long as it may stall; a slower one is answered with 408. 0 means no limit.
            body_rate_min: u64 as bytes = 1 << 10, in 0 ..= 1 << 20, limit BodyRateMin;
            /// How deep arrays and objects of a body may be nested; deeper ones are answered with
            /// 400.
            // What the parser of JSON itself can bear.
            json_depth_max: usize as count = 128, in 1 ..= 128, limit JsonDepthMax;
            /// Files of one upload; more are answered with 413.
            files_max: usize as count = 64, in 1 ..= 10_000, limit FilesMax;
            /// Bytes of one file; a longer one is answered with 413.
            file_bytes_max: u64 as bytes = 1 << 30, in 1 ..= 1 << 40, limit FileBytesMax;
            /// Bytes of one upload, all its files and fields together; more are answered with 413.
            upload_bytes_max: u64 as bytes = 4 << 30, in 1 ..= 1 << 40, limit UploadBytesMax;
            /// Fields of one upload beside its files; more are answered with 413.
            fields_max: usize as count = 256, in 0 ..= 10_000, limit FieldsMax;
            /// Bytes of one such field; a longer one is answered with 413.
            field_bytes_max: usize as bytes = 1 << 20, in 1 ..= 64 << 20, limit FieldBytesMax;
            /// How long a client may send nothing of an upload before it is answered with 408.
            upload_stall_timeout: Duration as duration = Duration::from_secs(30), in TIMES,
                limit UploadStallTimeout;
            /// How long a client may read nothing of an answer before its connection is cut.
            write_stall_timeout: Duration as duration = Duration::from_secs(300), in TIMES,
                limit WriteStallTimeout;
            /// How long a stream may be silent before the server sends a comment to keep it open.
            keep_alive_interval: Duration as duration = Duration::from_secs(15), in TIMES;
            /// Headers of a request that a plugin gets to see; never those with credentials.
            forwarded_headers: Vec<String> as list =
                &["accept-language", "user-agent", "x-request-id"];
            /// Origins whose pages a browser lets read answers, for example
            /// `"https://chat.example.com"`.
            cors_origins: Vec<String> as list = &[];
            /// Host names, beside those of this machine, under which requests without a key are
            /// accepted on a loopback address.
            allowed_hosts: Vec<String> as list = &[];
        }
    } };
}

server_table!(settings);

/// The address that it listens on.
pub const HOST: Row = Row::new(
    "host",
    Kind::Text("IP address"),
    Preset::Text("127.0.0.1"),
    "Address to serve on.",
)
.flag("--host", "HAYRICK_HOST");

/// The port that it listens on.
pub const PORT: Row = Row::new(
    "port",
    Kind::Count(0..=65_535),
    Preset::Number(PORT_DEFAULT as u64),
    "Port; 0 takes a free one.",
)
.flag("--port", "HAYRICK_PORT");

/// The port when nobody says otherwise.
pub const PORT_DEFAULT: u16 = 1416;

/// Where it listens; a function reads these together with their flags.
pub const ADDRESS_ROWS: &[Row] = &[HOST, PORT];
