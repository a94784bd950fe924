//! The `T` of every `Store<T>`: everything that one run of a guest can use. The module of each
//! interface defines its own view of it.

use std::any::Any;
use std::sync::Arc;

use hayrick_services::egress::session::Session;
use hayrick_services::uploads::upload::Upload;
use hayrick_types::settings::limits::Limits;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::body::{HostIncomingBody, HostOutgoingBody};
use wasmtime_wasi_http::p2::types::HostFutureIncomingResponse;
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
use crate::suspended_calls::SuspendedCalls;
use crate::upload::UploadSlot;
use crate::wasi_http::WasiHttpState;

/// Random bytes that one call may ask for.
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
    /// The calls inside the run that wait; the runtime counts them as the engine reports them.
    pub suspended_calls: SuspendedCalls,
    /// Created when the guest first calls WASI. Most runs of a Rust guest never do, and creating it
    /// costs more than such a run.
    wasi: Option<WasiCtx>,
    /// Created, with the secrets in it, when the guest first uses the network.
    session: Option<Arc<Session>>,
    wasi_http: Option<WasiHttpState>,
}

impl GuestState {
    /// Creates the state of a new run.
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
        let suspended_calls = SuspendedCalls::new(limits, Arc::clone(&run.share));
        GuestState {
            table,
            services,
            run,
            log,
            response,
            calls,
            memory,
            suspended_calls,
            wasi: None,
            session: None,
            wasi_http: None,
        }
    }

    /// Sets where the next call on this instance sends its answer. `setup` has no client; the run
    /// after it does.
    pub fn set_response(&mut self, response: Arc<ResponseWriter>) {
        self.response = response;
    }

    /// Starts another run on the same instance. WASI stays, because a guest may keep its handles.
    pub fn begin(&mut self, run: RunContext) {
        self.log.begin(run.id);
        self.run = run;
        self.session = None;
        self.wasi_http = None;
    }

    /// Whether another run may use this instance. It may not if the last run left resources open
    /// or host calls waiting, or if a limit kept it from growing.
    pub fn is_reusable(&mut self) -> bool {
        let is_of_run = |entry: &mut (dyn Any + Send)| {
            entry.is::<GenerationSlot>()
                || entry.is::<UploadSlot>()
                || entry.is::<IncomingSlot>()
                || entry.is::<HostFutureIncomingResponse>()
                || entry.is::<HostIncomingBody>()
                || entry.is::<HostOutgoingBody>()
        };
        self.memory.refused().is_none()
            && self.calls.are_done()
            && !self.table.iter_mut().any(is_of_run)
    }

    /// Gives the guest a handle to a file.
    ///
    /// # Errors
    /// The guest already holds the maximum number of resources.
    pub fn push_upload(&mut self, upload: Upload) -> wasmtime::Result<Resource<UploadSlot>> {
        Ok(self.table.push(UploadSlot::new(upload))?)
    }

    /// The network access of the run, for `http` and `wasi:http`.
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

/// A WASI without any access: no files, environment, arguments, sockets or name lookups. Its stdout
/// and stderr go to the log.
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
