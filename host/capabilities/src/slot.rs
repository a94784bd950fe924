//! What a guest holds by a handle and uses in one call at a time.

use wasmtime::component::{Resource, ResourceTable};

/// What a slot may hold.
pub trait Lent: Send + 'static {
    /// The error for a guest that uses it in two calls at once.
    const IN_USE: &'static str;
}

/// The place of one resource. It is empty while a call that waits has what belongs there: taking it
/// out, and putting it back, needs no lock, and a store that is dropped in between drops it with
/// the waiting future.
pub struct Slot<T>(Option<T>);

impl<T: Lent> Slot<T> {
    /// A slot that holds `content`.
    pub fn new(content: T) -> Slot<T> {
        Slot(Some(content))
    }

    /// What it holds.
    ///
    /// # Errors
    /// A trap: a call has it.
    pub(crate) fn get(&self) -> wasmtime::Result<&T> {
        self.0.as_ref().ok_or_else(in_use::<T>)
    }
}

/// Gives the guest a handle of what a call made.
///
/// # Errors
/// A trap: the guest holds as many resources as it may.
pub(crate) fn push<T: Lent, E>(
    table: &mut ResourceTable,
    made: Result<Slot<T>, E>,
) -> wasmtime::Result<Result<Resource<Slot<T>>, E>> {
    match made {
        Ok(slot) => Ok(Ok(table.push(slot)?)),
        Err(error) => Ok(Err(error)),
    }
}

/// Takes it out of the table, for good.
///
/// # Errors
/// A trap: this run has no such handle, or a call has what belongs there.
pub(crate) fn take<T: Lent>(
    table: &mut ResourceTable,
    slot: Resource<Slot<T>>,
) -> wasmtime::Result<T> {
    table.delete(slot)?.0.ok_or_else(in_use::<T>)
}

/// Takes it out of its slot for the time of one call.
///
/// # Errors
/// As [`take`].
pub(crate) fn lend<T: Lent>(
    table: &mut ResourceTable,
    slot: &Resource<Slot<T>>,
) -> wasmtime::Result<T> {
    table.get_mut(slot)?.0.take().ok_or_else(in_use::<T>)
}

/// Puts what was lent back.
///
/// # Errors
/// A trap: the guest has dropped the handle meanwhile.
pub(crate) fn give_back<T: Lent>(
    table: &mut ResourceTable,
    slot: &Resource<Slot<T>>,
    content: T,
) -> wasmtime::Result<()> {
    table.get_mut(slot)?.0 = Some(content);
    Ok(())
}

fn in_use<T: Lent>() -> wasmtime::Error {
    wasmtime::Error::msg(T::IN_USE)
}
