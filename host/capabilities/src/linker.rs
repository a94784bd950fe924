//! All that a component can be linked to.

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::bindings::hayrick::pipeline::{llm, log, response, timers, types};
use crate::guest_state::{GuestState, HasGuest};
use crate::sync_twin;

/// Package of the interfaces with `async` functions, as component names spell it.
pub const PACKAGE: &str = "hayrick:pipeline";
/// Package of their twins without `async`, for toolchains that cannot import async functions yet.
pub const SYNC_PACKAGE: &str = "hayrick:pipeline-sync";
/// The version of both.
pub const VERSION: &str = "0.1.0";
/// WASI packages that are linked, inert: language runtimes import them whether they use them or not.
pub const INERT_PACKAGES: [&str; 6] = ["wasi:io", "wasi:clocks", "wasi:random", "wasi:cli", "wasi:filesystem", "wasi:sockets"];

/// The linker every component is linked with. A component gets only what it imports by name.
///
/// # Errors
/// Never in practice: a name defined twice.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    types::add_to_linker::<GuestState, HasGuest>(&mut linker, |state| state)?;
    response::add_to_linker::<GuestState, HasGuest>(&mut linker, |state| state)?;
    llm::add_to_linker::<GuestState, HasGuest>(&mut linker, |state| state)?;
    timers::add_to_linker::<GuestState, HasGuest>(&mut linker, |state| state)?;
    log::add_to_linker::<GuestState, HasGuest>(&mut linker, |state| state)?;
    sync_twin::add_to_linker(&mut linker)?;
    Ok(linker)
}
