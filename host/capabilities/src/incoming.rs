//! The host's side of the WIT resource `http.incoming`.

use hayrick_services::egress::incoming::Incoming;

use crate::slot::{Lent, Slot};

/// An answer from another machine that a guest holds.
pub type IncomingSlot = Slot<Incoming>;

impl Lent for Incoming {
    const IN_USE: &'static str = "an answer was used while a call of `read` on it was still waiting: await one before the other";
}
