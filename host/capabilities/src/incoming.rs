//! The host's side of the WIT resource `http.incoming`.

use hayrick_services::egress::incoming::Incoming;

use crate::slot::{Slot, SlotContent};

/// A response from another machine that a guest holds.
pub type IncomingSlot = Slot<Incoming>;

impl SlotContent for Incoming {
    const IN_USE: &'static str = "the plugin used a response while a call of `read` on it was \
        still waiting: await that call first";
}
