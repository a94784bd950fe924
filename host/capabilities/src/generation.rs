//! The host's side of the WIT resource `llm.generation`.

use host_services::budgets::budget::Charge;
use host_services::llm::generation::Generation;
use host_services::tasks::recorder::TaskRecorder;
use host_types::chunk::Chunk;
use host_types::failure::Failure;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::format_err;

/// An answer in flight that a guest holds. It is empty while a `next` is waiting: taking it out, and putting it back, needs no lock,
/// and a store that is dropped in between drops the generation with the waiting future.
pub struct GenerationSlot(Option<Charged>);

/// An answer in flight, and what it takes from the run's budget.
pub(crate) struct Charged {
    pub(crate) generation: Generation,
    pub(crate) charge: Option<Charge>,
}

impl GenerationSlot {
    /// A slot that holds `generation`.
    pub(crate) fn new(generation: Charged) -> GenerationSlot {
        GenerationSlot(Some(generation))
    }
}

/// The next chunk of a generation; its usage is the run's, whatever the guest does with it.
///
/// # Errors
/// As [`Generation::next`]; `Limit` once the budget is used up.
pub(crate) async fn next_chunk(charged: &mut Charged, recorder: Option<&TaskRecorder>) -> Result<Option<Chunk>, Failure> {
    let next = charged.generation.next().await;
    if let (Ok(Some(chunk)), Some(charge)) = (&next, &mut charged.charge) {
        charge.chunk(chunk)?;
    }
    if let (Ok(Some(Chunk::Usage(usage))), Some(recorder)) = (&next, recorder) {
        recorder.usage(*usage);
    }
    next
}

/// Takes an owned generation out of the table, for good.
///
/// # Errors
/// A trap: the handle is none of this run's, or a `next` still holds it.
pub(crate) fn take_generation(table: &mut ResourceTable, slot: Resource<GenerationSlot>) -> wasmtime::Result<Charged> {
    table.delete(slot)?.0.ok_or_else(still_waiting)
}

/// Takes a borrowed generation out of its slot for the time of one call.
pub(crate) fn lend_generation(table: &mut ResourceTable, slot: &Resource<GenerationSlot>) -> wasmtime::Result<Charged> {
    table.get_mut(slot)?.0.take().ok_or_else(still_waiting)
}

/// Puts a lent generation back.
pub(crate) fn return_generation(table: &mut ResourceTable, slot: &Resource<GenerationSlot>, generation: Charged) -> wasmtime::Result<()> {
    table.get_mut(slot)?.0 = Some(generation);
    Ok(())
}

fn still_waiting() -> wasmtime::Error {
    format_err!("a generation was used while a call of `next` on it was still waiting: await one before the other")
}
