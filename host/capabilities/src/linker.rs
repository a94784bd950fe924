//! All that a component can be linked to.

use wasmtime::Engine;
use wasmtime::component::{HasData, Linker};

use crate::bindings::hayrick::pipeline::{
    config, http, jobs, llm, log, response, state, tasks, timers, types, uploads,
};
use crate::config::HasConfig;
use crate::guest_state::{GuestState, TypesView};
use crate::http::HasHttp;
use crate::jobs::HasJobs;
use crate::llm::HasLlm;
use crate::log::HasLog;
use crate::response::HasResponse;
use crate::state::HasState;
use crate::sync_twin;
use crate::tasks::HasTasks;
use crate::timers::HasTimers;
use crate::uploads::HasUploads;

/// Package of the interfaces with `async` functions, as component names spell it.
pub const PACKAGE: &str = "hayrick:pipeline";
/// The version of both.
pub const VERSION: &str = "0.1.0";
/// WASI packages that are linked, inert: language runtimes import them whether they use them or
/// not.
pub const INERT_PACKAGES: [&str; 6] = [
    "wasi:io",
    "wasi:clocks",
    "wasi:random",
    "wasi:cli",
    "wasi:filesystem",
    "wasi:sockets",
];
/// Interfaces of WASI 0.2 that are linked and reach beyond the run: they have to be granted, as
/// `http`.
pub const WASI_HTTP: [&str; 2] = ["wasi:http/types", "wasi:http/outgoing-handler"];

/// The linker every component is linked with. A component gets only what it imports by name.
///
/// # Errors
/// Never in practice: a name defined twice.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    types::add_to_linker::<GuestState, HasTypes>(&mut linker, GuestState::as_types)?;
    response::add_to_linker::<GuestState, HasResponse>(&mut linker, GuestState::as_response)?;
    llm::add_to_linker::<GuestState, HasLlm>(&mut linker, GuestState::as_llm)?;
    timers::add_to_linker::<GuestState, HasTimers>(&mut linker, GuestState::as_timers)?;
    log::add_to_linker::<GuestState, HasLog>(&mut linker, GuestState::as_log)?;
    uploads::add_to_linker::<GuestState, HasUploads>(&mut linker, GuestState::as_uploads)?;
    jobs::add_to_linker::<GuestState, HasJobs>(&mut linker, GuestState::as_jobs)?;
    tasks::add_to_linker::<GuestState, HasTasks>(&mut linker, GuestState::as_tasks)?;
    state::add_to_linker::<GuestState, HasState>(&mut linker, GuestState::as_state)?;
    config::add_to_linker::<GuestState, HasConfig>(&mut linker, GuestState::as_config)?;
    http::add_to_linker::<GuestState, HasHttp>(&mut linker, GuestState::as_http)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    sync_twin::add_to_linker(&mut linker, VERSION)?;
    Ok(linker)
}

/// How wasmtime gets at the words that the interfaces share.
struct HasTypes;

impl HasData for HasTypes {
    type Data<'a> = TypesView;
}
