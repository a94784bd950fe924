//! The host's side of the WIT resource `llm.generation`.

use hayrick_services::budgets::budget::Charge;
use hayrick_services::llm::generation::Generation;
use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;

use crate::slot::{Lent, Slot};

/// An answer in flight that a guest holds.
pub type GenerationSlot = Slot<Charged>;

/// An answer in flight, and what it takes from the run's budget.
pub struct Charged {
    pub(crate) generation: Generation,
    pub(crate) charge: Option<Charge>,
}

impl Lent for Charged {
    const IN_USE: &'static str = "a generation was used while a call of `next` on it was still waiting: await one before the other";
}

/// The next chunk of a generation; its usage is the run's, whatever the guest does with it.
///
/// # Errors
/// As [`Generation::next`]; `Limit` once the budget is used up.
pub(crate) async fn next_chunk(
    charged: &mut Charged,
    recorder: Option<&TaskRecorder>,
) -> Result<Option<Chunk>, Failure> {
    let next = charged.generation.next().await;
    if let (Ok(Some(chunk)), Some(charge)) = (&next, &mut charged.charge) {
        charge.chunk(chunk)?;
    }
    if let (Ok(Some(Chunk::Usage(usage))), Some(recorder)) = (&next, recorder) {
        recorder.usage(*usage);
    }
    next
}
