//! Which addresses on the network a plugin may ask, and which secrets the host adds to what it
//! asks. Read `rule`, then `grant`.

pub mod error;
pub mod grant;
pub mod host;
pub mod rule;
pub mod secret;
