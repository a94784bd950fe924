//! The `T` of every `Store<T>`: what one run of one guest can reach, and the view of it that each
//! interface has.

use std::any::Any;
use std::sync::Arc;

use hayrick_services::egress::session::Session;
use hayrick_services::uploads::upload::Upload;
use hayrick_types::settings::limits::Limits;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::bindings::hayrick::pipeline::types;
use crate::config::ConfigView;
use crate::generation::GenerationSlot;
use crate::host_calls::HostCalls;
use crate::http::HttpView;
use crate::incoming::IncomingSlot;
use crate::jobs::JobsView;
use crate::llm::LlmView;
use crate::log::{GuestLog, LogView};
use crate::memory_limit::MemoryLimit;
use crate::response::{Response, ResponseView};
use crate::run_context::RunContext;
use crate::services::Services;
use crate::state::StateView;
use crate::stdio::LogStream;
use crate::tasks::TasksView;
use crate::timers::TimersView;
use crate::upload::UploadSlot;
use crate::uploads::UploadsView;
use crate::wasi_http::WasiHttpState;

/// Random bytes of one call.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// The state of one run.
pub struct GuestState {
    pub(crate) table: ResourceTable,
    pub(crate) services: Services,
    pub(crate) run: RunContext,
    pub(crate) log: Arc<GuestLog>,
    pub(crate) response: Arc<Response>,
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
        response: Arc<Response>,
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
    pub fn set_response(&mut self, response: Arc<Response>) {
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

    pub(crate) fn as_types(&mut self) -> TypesView {
        TypesView
    }

    pub(crate) fn as_timers(&mut self) -> TimersView<'_> {
        TimersView(&self.calls)
    }

    pub(crate) fn as_log(&mut self) -> LogView<'_> {
        LogView(&self.log)
    }

    pub(crate) fn as_response(&mut self) -> ResponseView<'_> {
        ResponseView {
            response: &self.response,
            table: &mut self.table,
            calls: &self.calls,
        }
    }

    pub(crate) fn as_llm(&mut self) -> LlmView<'_> {
        LlmView {
            llm: &self.services.llm,
            run: &self.run,
            table: &mut self.table,
            calls: &self.calls,
        }
    }

    pub(crate) fn as_uploads(&mut self) -> UploadsView<'_> {
        UploadsView {
            table: &mut self.table,
            calls: &self.calls,
        }
    }

    pub(crate) fn as_jobs(&mut self) -> JobsView<'_> {
        JobsView {
            jobs: &self.services.jobs,
            run: &self.run,
            calls: &self.calls,
        }
    }

    pub(crate) fn as_tasks(&mut self) -> TasksView<'_> {
        TasksView(&self.run)
    }

    pub(crate) fn as_config(&mut self) -> ConfigView<'_> {
        ConfigView(&self.run.policy)
    }

    pub(crate) fn as_http(&mut self) -> HttpView<'_> {
        HttpView {
            session: self.session(),
            table: &mut self.table,
            calls: &self.calls,
        }
    }

    /// What the run may ask of the network, by either interface.
    fn session(&mut self) -> Arc<Session> {
        let make = || {
            Arc::new(self.services.egress.session(
                Arc::clone(&self.run.pipeline),
                Arc::clone(&self.run.policy.egress),
            ))
        };
        Arc::clone(self.session.get_or_insert_with(make))
    }

    pub(crate) fn as_state(&mut self) -> StateView<'_> {
        StateView {
            state: &self.services.state,
            run: &self.run,
            calls: &self.calls,
        }
    }
}

/// The interface of words that all others share; nothing in it can be called.
pub(crate) struct TypesView;

impl types::Host for TypesView {}

/// A WASI without authority: no folder, no environment, no arguments, no sockets, no names, and a
/// log for a terminal.
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
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let session = self.session();
        let state = self
            .wasi_http
            .get_or_insert_with(|| WasiHttpState::new(session));
        WasiHttpCtxView {
            ctx: &mut state.ctx,
            table: &mut self.table,
            hooks: &mut state.hooks,
        }
    }
}
