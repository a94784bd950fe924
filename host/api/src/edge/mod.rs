//! The edge: sockets and connections. How many there are, when one is idle, slow or done, how a
//! server starts and drains, and the id that every request and response carries.

mod answer;
mod client_socket;
mod connection;
mod head_meter;
pub(crate) mod host_header;
pub(crate) mod idle;
mod linger;
pub(crate) mod path;
pub(crate) mod peers;
pub(crate) mod request_id;
pub(crate) mod request_trace;
pub mod server;
mod turn_away;
mod write_stall;
