//! The twin of `llm`.

use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use crate::bindings::hayrick::pipeline::types;
use crate::generation::GenerationSlot;
use crate::guest_state::GuestState;
use crate::slot::{give_back, lend};
use crate::sync_twin::outcome::{Outcome, Store};

pub(super) fn add(llm: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    llm.resource(
        "generation",
        ResourceType::host::<GenerationSlot>(),
        |mut store, handle| {
            store
                .data_mut()
                .table
                .delete(Resource::<GenerationSlot>::new_own(handle))?;
            Ok(())
        },
    )?;
    llm.func_wrap_async(
        "[method]generation.next",
        |mut store: Store<'_>, (slot,): (Resource<GenerationSlot>,)| {
            Box::new(async move {
                let mut generation = lend(&mut store.data_mut().table, &slot)?;
                let counting = store.data_mut().as_llm().counting();
                let next = counting.next(&mut generation).await;
                give_back(&mut store.data_mut().table, &slot, generation)?;
                Ok::<Outcome<Option<types::Chunk>>, _>((next,))
            })
        },
    )?;
    llm.func_wrap_async(
        "generate",
        |mut store: Store<'_>, (messages, options): (Vec<types::Message>, types::Options)| {
            let own = store.data_mut().as_llm().own();
            Box::new(async move {
                Ok::<Outcome<types::Answer>, _>((own.generate(messages, options).await,))
            })
        },
    )?;
    llm.func_wrap_async(
        "generate-stream",
        |mut store: Store<'_>, (messages, options): (Vec<types::Message>, types::Options)| {
            Box::new(async move {
                let own = store.data_mut().as_llm().own();
                let started = match own.generate_stream(messages, options).await {
                    Ok(slot) => Ok(store.data_mut().table.push(slot)?),
                    Err(failure) => Err(failure),
                };
                Ok::<Outcome<Resource<GenerationSlot>>, _>((started,))
            })
        },
    )?;
    llm.func_wrap_async(
        "embed",
        |mut store: Store<'_>, (texts, model): (Vec<String>, Option<String>)| {
            let own = store.data_mut().as_llm().own();
            Box::new(
                async move { Ok::<Outcome<Vec<Vec<f32>>>, _>((own.embed(texts, model).await,)) },
            )
        },
    )
}
