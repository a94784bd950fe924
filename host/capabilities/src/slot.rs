//! Resources that a guest holds by a handle and may use in only one call at a time.

use wasmtime::component::{Resource, ResourceTable};

/// What a slot can hold.
pub trait SlotContent: Send + 'static {
    /// The error if a guest uses it in two calls at once.
    const IN_USE: &'static str;
}

/// The slot of one resource. It is empty while a waiting call uses the content. This needs no lock,
/// and if the store is dropped in between, the content is dropped with the waiting future.
pub struct Slot<T>(Option<T>);

impl<T: SlotContent> Slot<T> {
    /// Creates a slot that holds `content`.
    pub fn new(content: T) -> Slot<T> {
        Slot(Some(content))
    }

    /// The content.
    ///
    /// # Errors
    /// A trap if a call is using the content.
    pub(crate) fn get(&self) -> wasmtime::Result<&T> {
        self.0.as_ref().ok_or_else(in_use::<T>)
    }
}

/// Gives the guest a handle to what a call created.
///
/// # Errors
/// A trap if the guest already holds the maximum number of resources.
pub(crate) fn push<T: SlotContent, E>(
    table: &mut ResourceTable,
    made: Result<Slot<T>, E>,
) -> wasmtime::Result<Result<Resource<Slot<T>>, E>> {
    match made {
        Ok(slot) => Ok(Ok(table.push(slot)?)),
        Err(error) => Ok(Err(error)),
    }
}

/// Removes a slot from the table and returns its content.
///
/// # Errors
/// A trap if this run has no such handle, or a call is using the content.
pub(crate) fn take<T: SlotContent>(
    table: &mut ResourceTable,
    slot: Resource<Slot<T>>,
) -> wasmtime::Result<T> {
    table.delete(slot)?.0.ok_or_else(in_use::<T>)
}

/// Takes the content out of its slot for the duration of one call.
///
/// # Errors
/// The same as [`take`].
pub(crate) fn lend<T: SlotContent>(
    table: &mut ResourceTable,
    slot: &Resource<Slot<T>>,
) -> wasmtime::Result<T> {
    table.get_mut(slot)?.0.take().ok_or_else(in_use::<T>)
}

/// Puts the content back into its slot.
///
/// # Errors
/// A trap if the guest has dropped the handle in the meantime.
pub(crate) fn give_back<T: SlotContent>(
    table: &mut ResourceTable,
    slot: &Resource<Slot<T>>,
    content: T,
) -> wasmtime::Result<()> {
    table.get_mut(slot)?.0 = Some(content);
    Ok(())
}

fn in_use<T: SlotContent>() -> wasmtime::Error {
    wasmtime::Error::msg(T::IN_USE)
}
