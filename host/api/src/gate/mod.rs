//! The gate: it finds out who sends a request, whether that client may, and how often. Every
//! request passes the gate before its handler.

pub(crate) mod access;
pub(crate) mod auditor;
pub(crate) mod authenticate;
pub(crate) mod browser;
pub(crate) mod cors;
pub(crate) mod credentials;
pub(crate) mod forwarded;
pub(crate) mod holder;
pub(crate) mod need;
pub(crate) mod throttle;
