//! The `T` of every `Store<T>`: what one run of one guest can reach. Each interface has a view of it
//! in its own module.

use std::any::Any;
use std::sync::Arc;

use hayrick_services::egress::session::Session;
use hayrick_services::uploads::upload::Upload;
use hayrick_types::settings::limits::Limits;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::bindings::hayrick::pipeline::types::Level;
use crate::generation::GenerationSlot;
use crate::guest_log::GuestLog;
use crate::host_calls::HostCalls;
use crate::incoming::IncomingSlot;
use crate::memory_limit::MemoryLimit;
use crate::response_writer::ResponseWriter;
use crate::run_context::RunContext;
use crate::services::Services;
use crate::stdio::LogStream;
use crate::upload::UploadSlot;
use crate::wasi_http::WasiHttpState;

/// Random bytes of one call.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// The state of one run.
pub struct GuestState {
    pub(crate) table: ResourceTable,
    pub(crate) services: Services,
    pub(crate) run: RunContext,
    pub(crate) log: Arc<GuestLog>,
    pub(crate) response: Arc<ResponseWriter>,
    pub(crate) calls: HostCalls,
    /// The memory the run may use; the runtime makes it the store's limiter.
    pub memory: MemoryLimit,
    /// Made when the guest first calls WASI: most runs of a Rust guest never do, and making one
    /// costs more than such a run.
    wasi: Option<WasiCtx>,
    /// Made when the guest first asks for the network, as are the secrets in it.
    session: Option<Arc<Session>>,
    wasi_http: Option<WasiHttpState>,
}

impl GuestState {
    /// The state of a fresh run.
    pub fn new(
        services: Services,
        run: RunContext,
        log: Arc<GuestLog>,
        response: Arc<ResponseWriter>,
        limits: &Limits,
    ) -> GuestState {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources_max);
        let calls = HostCalls::new(limits.host_calls_max, limits.host_bytes_max);
        let memory = MemoryLimit::new(limits, Arc::clone(&run.share));
        GuestState {
            table,
            services,
            run,
            log,
            response,
            calls,
            memory,
            wasi: None,
            session: None,
            wasi_http: None,
        }
    }

    /// The answer of the next call on the same instance: `setup` writes to nobody, the run after it
    /// to its client.
    pub fn set_response(&mut self, response: Arc<ResponseWriter>) {
        self.response = response;
    }

    /// What another run on the same instance has instead. WASI stays: a guest keeps the handles it
    /// got of it.
    pub fn begin(&mut self, run: RunContext) {
        self.log.begin(run.id);
        self.run = run;
        self.session = None;
        self.wasi_http = None;
    }

    /// Whether another run may follow on this instance: nothing of the last one is open, and it was
    /// refused no memory.
    pub fn rest(&mut self) -> bool {
        let is_of_run = |entry: &mut (dyn Any + Send)| {
            entry.is::<GenerationSlot>() || entry.is::<UploadSlot>() || entry.is::<IncomingSlot>()
        };
        self.memory.refused().is_none() && !self.table.iter_mut().any(is_of_run)
    }

    /// Gives the guest a file.
    ///
    /// # Errors
    /// It holds as many resources as it may.
    pub fn push_upload(&mut self, upload: Upload) -> wasmtime::Result<Resource<UploadSlot>> {
        Ok(self.table.push(UploadSlot::new(upload))?)
    }

    /// What the run may ask of the network, by either interface.
    pub(crate) fn session(&mut self) -> Arc<Session> {
        let make = || {
            Arc::new(self.services.egress.session(
                Arc::clone(&self.run.pipeline),
                Arc::clone(&self.run.policy.egress),
            ))
        };
        Arc::clone(self.session.get_or_insert_with(make))
    }
}

/// A WASI without authority: no folder, no environment, no arguments, no sockets, no names, and a
/// log for a terminal.
fn inert_wasi(log: &Arc<GuestLog>) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(RANDOM_BYTES_MAX)
        .stdout(LogStream::new(Arc::clone(log), Level::Info))
        .stderr(LogStream::new(Arc::clone(log), Level::Error));
    builder.build()
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| inert_wasi(&self.log));
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let session = self.session();
        let limits = &self.run.limits;
        let state = self
            .wasi_http
            .get_or_insert_with(|| WasiHttpState::new(session, limits.clone()));
        WasiHttpCtxView {
            ctx: &mut state.ctx,
            table: &mut self.table,
            hooks: &mut state.hooks,
        }
    }
}
