//! `llm`: language models by the operator's alias.

use host_services::llm::generation::Generation;
use wasmtime::component::{Accessor, Resource, ResourceTable};
use wasmtime::format_err;

use crate::bindings::hayrick::pipeline::{llm, types};
use crate::generation::GenerationSlot;
use crate::guest_state::{GuestState, HasGuest};

/// Takes an owned generation out of the table, for good.
///
/// # Errors
/// A trap: the handle is none of this run's, or a `next` still holds it.
pub(crate) fn take_generation(table: &mut ResourceTable, slot: Resource<GenerationSlot>) -> wasmtime::Result<Generation> {
    table.delete(slot)?.take().ok_or_else(still_waiting)
}

/// Takes a borrowed generation out of its slot for the time of one call.
pub(crate) fn lend_generation(table: &mut ResourceTable, slot: &Resource<GenerationSlot>) -> wasmtime::Result<Generation> {
    table.get_mut(slot)?.take().ok_or_else(still_waiting)
}

/// Puts a lent generation back.
pub(crate) fn return_generation(
    table: &mut ResourceTable,
    slot: &Resource<GenerationSlot>,
    generation: Generation,
) -> wasmtime::Result<()> {
    table.get_mut(slot)?.put_back(generation);
    Ok(())
}

fn still_waiting() -> wasmtime::Error {
    format_err!("a generation was used while a call of `next` on it was still waiting: await one before the other")
}

impl llm::Host for GuestState {}

impl llm::HostWithStore<GuestState> for HasGuest {
    async fn generate(
        accessor: &Accessor<GuestState, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<types::Answer, types::Failure>> {
        let llm = accessor.with(|mut access| access.get().llm.clone());
        let answer = llm.generate(messages.into_iter().map(Into::into).collect(), options.into()).await;
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    async fn generate_stream(
        accessor: &Accessor<GuestState, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<Resource<GenerationSlot>, types::Failure>> {
        let llm = accessor.with(|mut access| access.get().llm.clone());
        match llm.generate_stream(messages.into_iter().map(Into::into).collect(), options.into()).await {
            Ok(generation) => Ok(Ok(accessor.with(|mut access| access.get().table.push(GenerationSlot::new(generation)))?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }

    async fn embed(
        accessor: &Accessor<GuestState, Self>,
        texts: Vec<String>,
        model: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, types::Failure>> {
        let llm = accessor.with(|mut access| access.get().llm.clone());
        Ok(llm.embed(texts, model).await.map_err(Into::into))
    }
}

impl llm::HostGeneration for GuestState {
    fn drop(&mut self, slot: Resource<GenerationSlot>) -> wasmtime::Result<()> {
        self.table.delete(slot)?;
        Ok(())
    }
}

impl llm::HostGenerationWithStore<GuestState> for HasGuest {
    async fn next(
        accessor: &Accessor<GuestState, Self>,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<Option<types::Chunk>, types::Failure>> {
        let mut generation = accessor.with(|mut access| lend_generation(&mut access.get().table, &slot))?;
        let next = generation.next().await;
        accessor.with(|mut access| return_generation(&mut access.get().table, &slot, generation))?;
        Ok(next.map(|chunk| chunk.map(Into::into)).map_err(Into::into))
    }
}
