//! All that guests ask of the network over HTTP: one path, on which each request is authorised,
//! resolved once, checked, pinned, bounded and cleaned of secrets. Read `session`, then
//! `destination`, `pin` and `connect`.

mod address;
mod connect;
mod destination;
pub mod error;
mod headers;
pub mod incoming;
mod pin;
mod redact;
mod redirect;
pub mod request;
pub mod resolver;
pub mod service;
pub mod session;
pub mod shared;
#[cfg(test)]
mod tests;
mod vault;
