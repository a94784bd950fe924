//! One store, one run: instantiate, `setup`, call, and out. Dropping the future drops the store, and with it all that the guest has going on.

use std::sync::Arc;
use std::time::Duration;

use host_capabilities::bindings::exports::hayrick::pipeline::chat::ChatRequest as WitChatRequest;
use host_capabilities::bindings::hayrick::pipeline::types;
use host_capabilities::guest_state::GuestState;
use host_capabilities::log::{GuestLog, LogLimits};
use host_capabilities::memory_limit::MemoryLimit;
use host_capabilities::response::Response;
use host_services::llm::router::Llm;
use host_types::failure::{Failure, FailureKind};
use host_types::id::RunId;
use host_types::request::ChatRequest;
use wasmtime::component::{Instance, TypedFunc};
use wasmtime::{Store, UpdateDeadline};

use crate::cpu_meter::{CpuMeter, Metered};
use crate::trap;
use crate::version::Version;

/// Bytes a guest may hand to the host in one call: the largest request body, as messages to a model, and some.
const HOST_CALL_BYTES_MAX: usize = 64 << 20;
/// Handles of resources a guest may hold at a time.
const HANDLES_MAX: usize = 4096;

type Setup = TypedFunc<(), (Result<(), types::Failure>,)>;
type Chat = TypedFunc<(WitChatRequest,), (Result<(), types::Failure>,)>;

/// What to run, and for whom.
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) pipeline: String,
    pub(crate) version: Arc<Version>,
    pub(crate) llm: Llm,
}

impl Run {
    /// Runs `setup` alone, as a deploy does.
    ///
    /// # Errors
    /// `setup` failed, trapped or took too long.
    pub(crate) async fn setup(self) -> Result<(), Failure> {
        let wall_time_max = self.version.limits.setup_time_max;
        let response = Arc::clone(&self.version.unread);
        self.bounded(wall_time_max, "setup_time_max", response, None).await
    }

    /// Answers one chat request.
    ///
    /// # Errors
    /// The guest failed, trapped, or ran into a limit.
    pub(crate) async fn chat(self, request: ChatRequest, response: Arc<Response>) -> Result<(), Failure> {
        let wall_time_max = self.version.limits.wall_time_max;
        self.bounded(wall_time_max, "wall_time_max", response, Some(request)).await
    }

    /// The timer stands outside the store: inside, a guest that computes would hold it up.
    async fn bounded(self, max: Duration, limit: &str, response: Arc<Response>, request: Option<ChatRequest>) -> Result<(), Failure> {
        let meter = CpuMeter::new(self.version.limits.cpu_time_max.min(max));
        let turns = Arc::clone(&self.version.turns);
        let run = Metered::new(self.in_store(Arc::clone(&meter), response, request), meter, turns);
        match tokio::time::timeout(max, run).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::new(FailureKind::Timeout, format!("the run took longer than {limit}, {} ms", max.as_millis()))),
        }
    }

    async fn in_store(self, meter: Arc<CpuMeter>, response: Arc<Response>, request: Option<ChatRequest>) -> Result<(), Failure> {
        let mut store = self.store(meter);
        let called = call(&self.version, &mut store, Arc::clone(&response), request).await;
        let outcome = called.map_err(|error| self.trapped(&error, &store))?;
        match response.overrun() {
            // The client's answer is incomplete, which is no limit of the client's: it must not try again.
            Some(overrun) => Err(Failure::new(FailureKind::Failed, overrun.message.clone())),
            None => outcome.map_err(Failure::from),
        }
    }

    fn store(&self, meter: Arc<CpuMeter>) -> Store<GuestState> {
        let limits = &self.version.limits;
        let log_limits = LogLimits { lines_max: limits.log_lines_max, line_bytes_max: limits.log_line_bytes_max };
        let log = Arc::new(GuestLog::new(self.pipeline.clone(), self.id, log_limits));
        let memory = MemoryLimit::new(limits.memory_bytes_max);
        let state = GuestState::new(self.llm.clone(), log, Arc::clone(&self.version.unread), memory);
        let mut store = Store::new(self.version.instance_pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(HOST_CALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        store.set_epoch_deadline(1);
        // Only an error stops a loop; a yield lets the others run.
        store.epoch_deadline_callback(move |_| {
            meter.check()?;
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    /// Turns a trap into a failure, and keeps the guest's backtrace for its author.
    fn trapped(&self, error: &wasmtime::Error, store: &Store<GuestState>) -> Failure {
        let memory = &store.data().memory;
        let failure = trap::failure(error, memory.reached().then(|| memory.bytes_max()));
        tracing::warn!(pipeline = self.pipeline, run = %self.id, reason = failure.message, "the run trapped: {error:?}");
        failure
    }
}

/// Everything that runs the guest's code.
async fn call(
    version: &Version,
    store: &mut Store<GuestState>,
    response: Arc<Response>,
    request: Option<ChatRequest>,
) -> wasmtime::Result<Result<(), types::Failure>> {
    let instance = version.instance_pre.instantiate_async(&mut *store).await?;
    let (setup, chat) = functions(version, store, &instance)?;
    store
        .run_concurrent(async |accessor| {
            if let (Err(failure),) = setup.call_concurrent(accessor, ()).await? {
                return Ok(Err(failure));
            }
            let Some(request) = request else { return Ok(Ok(())) };
            accessor.with(|mut access| access.data_mut().set_response(response));
            let (answered,) = chat.call_concurrent(accessor, (request.into(),)).await?;
            Ok(answered)
        })
        .await?
}

fn functions(version: &Version, store: &mut Store<GuestState>, instance: &Instance) -> wasmtime::Result<(Setup, Chat)> {
    let setup = instance.get_typed_func(&mut *store, version.shape.setup)?;
    let chat = instance.get_typed_func(&mut *store, version.shape.chat)?;
    Ok((setup, chat))
}
