//! The twin of `llm`.

use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use crate::bindings::hayrick::pipeline::types;
use crate::generation::{GenerationSlot, lend_generation, return_generation};
use crate::guest_state::GuestState;
use crate::sync_twin::outcome::{Outcome, Store};

pub(super) fn add(llm: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    llm.resource("generation", ResourceType::host::<GenerationSlot>(), |mut store, handle| {
        store.data_mut().table.delete(Resource::<GenerationSlot>::new_own(handle))?;
        Ok(())
    })?;
    llm.func_wrap_async("[method]generation.next", |mut store: Store<'_>, (slot,): (Resource<GenerationSlot>,)| {
        Box::new(async move {
            let mut generation = lend_generation(&mut store.data_mut().table, &slot)?;
            let next = generation.next().await;
            return_generation(&mut store.data_mut().table, &slot, generation)?;
            let next = next.map(|chunk| chunk.map(types::Chunk::from));
            Ok::<Outcome<Option<types::Chunk>>, _>((next.map_err(Into::into),))
        })
    })?;
    llm.func_wrap_async("generate", |store: Store<'_>, (messages, options): (Vec<types::Message>, types::Options)| {
        Box::new(async move {
            let llm = store.data().services.llm.clone();
            let answer = llm.generate(messages.into_iter().map(Into::into).collect(), options.into()).await;
            Ok::<Outcome<types::Answer>, _>((answer.map(Into::into).map_err(Into::into),))
        })
    })?;
    llm.func_wrap_async("generate-stream", |mut store: Store<'_>, (messages, options): (Vec<types::Message>, types::Options)| {
        Box::new(async move {
            let llm = store.data().services.llm.clone();
            let started = llm.generate_stream(messages.into_iter().map(Into::into).collect(), options.into()).await;
            let started = match started {
                Ok(generation) => Ok(store.data_mut().table.push(GenerationSlot::new(generation))?),
                Err(failure) => Err(failure.into()),
            };
            Ok::<Outcome<Resource<GenerationSlot>>, _>((started,))
        })
    })?;
    llm.func_wrap_async("embed", |store: Store<'_>, (texts, model): (Vec<String>, Option<String>)| {
        Box::new(async move {
            let llm = store.data().services.llm.clone();
            Ok::<Outcome<Vec<Vec<f32>>>, _>((llm.embed(texts, model).await.map_err(Into::into),))
        })
    })
}
