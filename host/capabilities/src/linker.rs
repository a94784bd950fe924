//! Everything that a component can be linked with.

use hayrick_types::contract::{PACKAGE, SYNC_PACKAGE, TYPES, VERSION};
use hayrick_types::for_each_import;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::bindings::hayrick::pipeline;
use crate::bindings::sync::hayrick::pipeline_sync;
use crate::guest_state::GuestState;

/// WASI packages that are linked without giving access to anything. Language runtimes import them
/// whether they use them or not.
pub const INERT_PACKAGES: [&str; 6] = [
    "wasi:io",
    "wasi:clocks",
    "wasi:random",
    "wasi:cli",
    "wasi:filesystem",
    "wasi:sockets",
];
/// Interfaces of WASI 0.2 that are linked and give network access. They need the same grant as
/// `http`.
pub const WASI_HTTP: [&str; 2] = ["wasi:http/types", "wasi:http/outgoing-handler"];

/// Links each interface in the table of the contract, in both packages. `$module` defines the view
/// and the implementations.
macro_rules! add_imports {
    (
        granted { $($(#[$doc:meta])* $variant:ident $module:ident $name:literal $grant:ident,)+ }
        free { $($free_module:ident $free_name:literal,)+ }
    ) => {
        fn add_imports(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
            add_imports!(@link linker $($module)+ $($free_module)+);
            Ok(())
        }
    };
    (@link $linker:ident $($module:ident)+) => {
        $(
            pipeline::$module::add_to_linker::<GuestState, crate::$module::HasView>(
                $linker,
                crate::$module::view,
            )?;
            pipeline_sync::$module::add_to_linker::<GuestState, crate::$module::HasView>(
                $linker,
                crate::$module::view,
            )?;
        )+
    };
}

for_each_import!(add_imports);

/// The linker for every component. A component gets only what it imports by name.
///
/// # Errors
/// A name is defined twice, which never happens in practice.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    for package in [PACKAGE, SYNC_PACKAGE] {
        linker.instance(&format!("{package}/{TYPES}@{VERSION}"))?;
    }
    add_imports(&mut linker)?;
    Ok(linker)
}
