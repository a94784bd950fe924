//! The host's side of the WIT resource `llm.generation`.

use host_services::llm::generation::Generation;

/// An answer in flight that a guest holds. It is empty while a `next` is waiting: taking it out, and putting it back, needs no lock,
/// and a store that is dropped in between drops the generation with the waiting future.
pub struct GenerationSlot(Option<Generation>);

impl GenerationSlot {
    /// A slot that holds `generation`.
    pub fn new(generation: Generation) -> GenerationSlot {
        GenerationSlot(Some(generation))
    }

    /// Takes it out; `None` while another call has it.
    pub fn take(&mut self) -> Option<Generation> {
        self.0.take()
    }

    /// Puts it back after a call.
    pub fn put_back(&mut self, generation: Generation) {
        self.0 = Some(generation);
    }
}
