//! The `T` of every `Store<T>`: what one run of one guest can reach.

use std::sync::Arc;

use host_services::llm::router::Llm;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::hayrick::pipeline::types;
use crate::log::GuestLog;
use crate::memory_limit::MemoryLimit;
use crate::response::Response;
use crate::stdio::LogStream;

/// Resources a guest may hold at a time: generations, and WASI's streams and pollables.
const RESOURCES_MAX: usize = 4096;
/// Random bytes of one call.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// The state of one run.
pub struct GuestState {
    pub(crate) table: ResourceTable,
    pub(crate) llm: Llm,
    pub(crate) log: Arc<GuestLog>,
    pub(crate) response: Arc<Response>,
    /// The memory the run may use; the runtime makes it the store's limiter.
    pub memory: MemoryLimit,
    /// Made when the guest first calls WASI: most runs of a Rust guest never do, and making one costs more than such a run.
    wasi: Option<WasiCtx>,
}

impl GuestState {
    /// The state of a fresh run.
    pub fn new(llm: Llm, log: Arc<GuestLog>, response: Arc<Response>, memory: MemoryLimit) -> GuestState {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        GuestState { table, llm, log, response, memory, wasi: None }
    }

    /// The answer this run makes.
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// The answer of the next call on the same instance: `setup` writes to nobody, the run after it to its client.
    pub fn set_response(&mut self, response: Arc<Response>) {
        self.response = response;
    }
}

/// A WASI without authority: no folder, no environment, no arguments, no sockets, no names, and a log for a terminal.
fn inert_wasi(log: &Arc<GuestLog>) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(RANDOM_BYTES_MAX)
        .stdout(LogStream::new(Arc::clone(log), types::Level::Info))
        .stderr(LogStream::new(Arc::clone(log), types::Level::Error));
    builder.build()
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| inert_wasi(&self.log));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

/// How wasmtime gets from a store to the state of its guest.
pub(crate) struct HasGuest;

impl HasData for HasGuest {
    type Data<'a> = &'a mut GuestState;
}

impl types::Host for GuestState {}
