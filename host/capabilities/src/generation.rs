//! The host's side of the WIT resource `llm.generation`.

use hayrick_services::budgets::budget::Charge;
use hayrick_services::llm::generation::Generation;
use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;

use crate::slot::{Slot, SlotContent};

/// A generation that a guest holds.
pub type GenerationSlot = Slot<ChargedGeneration>;

/// A generation, and the charge it makes on the budget of the run.
pub struct ChargedGeneration {
    pub generation: Generation,
    pub charge: Option<Charge>,
}

impl SlotContent for ChargedGeneration {
    const IN_USE: &'static str = "the plugin used a generation while a call of `next` on it was \
        still waiting: await that call first";
}

/// Waits for the next chunk of a generation. Its usage is recorded whatever the guest does with
/// the chunk.
///
/// # Errors
/// Those of [`Generation::next`], and `limit` once the budget is used up.
pub async fn next_chunk(
    charged: &mut ChargedGeneration,
    recorder: Option<&TaskRecorder>,
) -> Result<Option<Chunk>, Failure> {
    let next = charged.generation.next().await;
    if let (Ok(Some(chunk)), Some(charge)) = (&next, &mut charged.charge) {
        charge.chunk(chunk)?;
    }
    if let (Ok(Some(Chunk::Usage(usage))), Some(recorder)) = (&next, recorder) {
        recorder.usage(usage);
    }
    next
}
