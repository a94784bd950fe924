//! Which HTTP requests a plugin may make, and which secrets the host adds to them. Read `rule`,
//! then `grant`.

pub mod error;
pub mod grant;
pub mod host;
pub mod rule;
pub mod secret;
