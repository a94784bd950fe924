//! The Rust form of `wit/`, made by wasmtime's `bindgen!`. The only generated code of the host.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated code; the WIT files carry the documentation"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "hayrick:pipeline/everything",
    imports: { default: trappable },
    with: {
        "hayrick:pipeline/llm.generation": crate::generation::GenerationSlot,
        "hayrick:pipeline/http.incoming": crate::incoming::IncomingSlot,
        "hayrick:pipeline/uploads.upload": crate::upload::UploadSlot,
    },
});

/// `hayrick:pipeline-sync`: the same interfaces without `async`, with the same records and
/// resources. Its functions hold the store while they wait, which such a guest cannot notice: it
/// has one task.
pub mod sync {
    /// `build.rs` derives the text and calls this with its folder.
    macro_rules! sync_bindings {
        ($path:tt) => {
            wasmtime::component::bindgen!({
                path: $path,
                world: "hayrick:pipeline-sync/online",
                imports: { default: async | trappable },
                with: {
                    "hayrick:pipeline-sync/types": crate::bindings::hayrick::pipeline::types,
                    "hayrick:pipeline-sync/llm.generation": crate::generation::GenerationSlot,
                    "hayrick:pipeline-sync/http.incoming": crate::incoming::IncomingSlot,
                    "hayrick:pipeline-sync/uploads.upload": crate::upload::UploadSlot,
                },
            });
        };
    }

    include!(concat!(env!("OUT_DIR"), "/sync_bindings.rs"));
}
