//! `hayrick:pipeline-sync`: the same interfaces without `async`, linked to the same
//! implementations.
//!
//! The records of both packages have one shape, so the Rust types of the async package serve both.
//! A function here holds the store while it waits, which such a guest cannot notice: it has one
//! task.

mod http;
mod jobs;
mod llm;
mod outcome;
mod state;
mod uploads;

use std::sync::Arc;

use wasmtime::component::{Linker, LinkerInstance, Resource};

use crate::bindings::hayrick::pipeline::{config, log, tasks, types};
use crate::generation::GenerationSlot;
use crate::guest_state::GuestState;
use crate::slot::take;
use crate::sync_twin::outcome::{Outcome, Store};
use crate::timers::sleep;

/// Package of the twins.
pub const PACKAGE: &str = "hayrick:pipeline-sync";

/// Adds the twin of every interface of this version.
pub(crate) fn add_to_linker(
    linker: &mut Linker<GuestState>,
    version: &str,
) -> wasmtime::Result<()> {
    let interface = |name: &str| format!("{PACKAGE}/{name}@{version}");
    linker.instance(&interface("types"))?;
    llm::add(&mut linker.instance(&interface("llm"))?)?;
    add_response(&mut linker.instance(&interface("response"))?)?;
    uploads::add(&mut linker.instance(&interface("uploads"))?)?;
    jobs::add(&mut linker.instance(&interface("jobs"))?)?;
    state::add(&mut linker.instance(&interface("state"))?)?;
    http::add(&mut linker.instance(&interface("http"))?)?;
    add_tasks(&mut linker.instance(&interface("tasks"))?)?;
    add_config(&mut linker.instance(&interface("config"))?)?;
    add_timers(&mut linker.instance(&interface("timers"))?)?;
    add_log(&mut linker.instance(&interface("log"))?)
}

fn add_response(response: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    response.func_wrap_async("send", |store: Store<'_>, (chunk,): (types::Chunk,)| {
        Box::new(async move {
            let response = Arc::clone(&store.data().response);
            Ok::<Outcome<()>, _>((response.send(chunk.into()).await?.map_err(Into::into),))
        })
    })?;
    response.func_wrap_async(
        "forward",
        |mut store: Store<'_>, (slot,): (Resource<GenerationSlot>,)| {
            Box::new(async move {
                let generation = take(&mut store.data_mut().table, slot)?;
                let response = Arc::clone(&store.data().response);
                Ok::<Outcome<()>, _>((response.forward(generation).await?.map_err(Into::into),))
            })
        },
    )
}

fn add_tasks(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap("id", |mut store: Store<'_>, (): ()| {
        Ok((tasks::Host::id(&mut store.data_mut().as_tasks())?,))
    })?;
    instance.func_wrap(
        "report",
        |mut store: Store<'_>, (progress,): (types::Progress,)| {
            tasks::Host::report(&mut store.data_mut().as_tasks(), progress)
        },
    )?;
    instance.func_wrap("note", |mut store: Store<'_>, (text,): (String,)| {
        tasks::Host::note(&mut store.data_mut().as_tasks(), text)
    })
}

fn add_config(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap("get", |mut store: Store<'_>, (key,): (String,)| {
        Ok((config::Host::get(&mut store.data_mut().as_config(), key)?,))
    })?;
    instance.func_wrap("keys", |mut store: Store<'_>, (): ()| {
        Ok((config::Host::keys(&mut store.data_mut().as_config())?,))
    })
}

fn add_timers(timers: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    timers.func_wrap_async("sleep", |_: Store<'_>, (duration,): (u64,)| {
        Box::new(async move {
            sleep(duration).await;
            Ok(())
        })
    })
}

fn add_log(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap(
        "write",
        |mut store: Store<'_>, (level, message): (types::Level, String)| {
            log::Host::write(&mut store.data_mut().as_log(), level, message)
        },
    )
}
