//! The host's side of the WIT resource `http.incoming`.

use host_services::egress::incoming::Incoming;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::format_err;

/// An answer that a guest holds; empty while a `read` is waiting, as a generation's slot is.
pub struct IncomingSlot(Option<Incoming>);

impl IncomingSlot {
    /// A slot that holds `incoming`.
    pub(crate) fn new(incoming: Incoming) -> IncomingSlot {
        IncomingSlot(Some(incoming))
    }

    pub(crate) fn incoming(&self) -> wasmtime::Result<&Incoming> {
        self.0.as_ref().ok_or_else(still_reading)
    }
}

/// Takes an answer out of its slot for the time of one call.
pub(crate) fn lend_incoming(table: &mut ResourceTable, slot: &Resource<IncomingSlot>) -> wasmtime::Result<Incoming> {
    table.get_mut(slot)?.0.take().ok_or_else(still_reading)
}

/// Puts a lent answer back.
pub(crate) fn return_incoming(table: &mut ResourceTable, slot: &Resource<IncomingSlot>, incoming: Incoming) -> wasmtime::Result<()> {
    table.get_mut(slot)?.0 = Some(incoming);
    Ok(())
}

fn still_reading() -> wasmtime::Error {
    format_err!("an answer was used while a call of `read` on it was still waiting: await one before the other")
}
