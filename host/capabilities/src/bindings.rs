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
