//! `hayrick:pipeline-sync`: the same interfaces without `async`, linked to the same implementations.
//!
//! The records of both packages have one shape, so the Rust types of the async package serve both. A function here holds the store while it
//! waits, which such a guest cannot notice: it has one task.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};

use crate::bindings::hayrick::pipeline::types;
use crate::generation::GenerationSlot;
use crate::guest_state::GuestState;
use crate::linker::{SYNC_PACKAGE, VERSION};
use crate::llm::{lend_generation, return_generation, take_generation};
use crate::timers;

type Store<'a> = StoreContextMut<'a, GuestState>;
type Outcome<T> = (Result<T, types::Failure>,);

/// Adds the twin of every interface.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.instance(&interface("types"))?;
    add_llm(&mut linker.instance(&interface("llm"))?)?;
    add_response(&mut linker.instance(&interface("response"))?)?;
    let mut timers = linker.instance(&interface("timers"))?;
    timers.func_wrap_async("sleep", |_: Store<'_>, (duration,): (u64,)| {
        Box::new(async move {
            timers::sleep(duration).await;
            Ok(())
        })
    })?;
    let mut log = linker.instance(&interface("log"))?;
    log.func_wrap("write", |store: Store<'_>, (level, message): (types::Level, String)| {
        store.data().log.write(level, &message);
        Ok(())
    })
}

fn interface(name: &str) -> String {
    format!("{SYNC_PACKAGE}/{name}@{VERSION}")
}

fn add_response(response: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    response.func_wrap_async("send", |store: Store<'_>, (chunk,): (types::Chunk,)| {
        Box::new(async move {
            let response = Arc::clone(&store.data().response);
            Ok::<Outcome<()>, _>((response.send(chunk.into()).await?.map_err(Into::into),))
        })
    })?;
    response.func_wrap_async("forward", |mut store: Store<'_>, (slot,): (Resource<GenerationSlot>,)| {
        Box::new(async move {
            let generation = take_generation(&mut store.data_mut().table, slot)?;
            let response = Arc::clone(&store.data().response);
            Ok::<Outcome<()>, _>((response.forward(generation).await?.map_err(Into::into),))
        })
    })
}

fn add_llm(llm: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
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
            let llm = store.data().llm.clone();
            let answer = llm.generate(messages.into_iter().map(Into::into).collect(), options.into()).await;
            Ok::<Outcome<types::Answer>, _>((answer.map(Into::into).map_err(Into::into),))
        })
    })?;
    llm.func_wrap_async("generate-stream", |mut store: Store<'_>, (messages, options): (Vec<types::Message>, types::Options)| {
        Box::new(async move {
            let llm = store.data().llm.clone();
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
            let llm = store.data().llm.clone();
            Ok::<Outcome<Vec<Vec<f32>>>, _>((llm.embed(texts, model).await.map_err(Into::into),))
        })
    })
}
