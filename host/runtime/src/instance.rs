//! One store, one run: instantiate, `setup`, call, and out. Dropping the future drops the store, and with it all that the guest has going on.

use std::sync::Arc;
use std::time::Duration;

use host_capabilities::bindings::hayrick::pipeline::types;
use host_capabilities::guest_state::GuestState;
use host_capabilities::log::{GuestLog, LogLimits};
use host_capabilities::memory_limit::MemoryLimit;
use host_capabilities::response::Response;
use host_capabilities::run_context::RunContext;
use host_capabilities::services::Services;
use host_types::failure::{Failure, FailureKind};
use wasmtime::{Store, UpdateDeadline};

use crate::cpu_meter::{CpuMeter, Metered};
use crate::entry::{Entry, Returned, setup};
use crate::trap;
use crate::version::Version;

/// Bytes a guest may hand to the host in one call: the largest request body, as messages to a model, and some.
const HOST_CALL_BYTES_MAX: usize = 64 << 20;
/// Handles of resources a guest may hold at a time.
const HANDLES_MAX: usize = 4096;

/// What to run, and for whom.
pub(crate) struct Run {
    pub(crate) context: RunContext,
    pub(crate) version: Arc<Version>,
    pub(crate) services: Services,
}

/// How long a run may take, and the name of the limit that says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) wall_time_max: Duration,
    pub(crate) wall_limit: &'static str,
    pub(crate) cpu_time_max: Duration,
}

impl Bounds {
    /// The shorter of both limits on computing, and its name.
    fn cpu(self) -> (Duration, &'static str) {
        let is_shorter = self.cpu_time_max < self.wall_time_max;
        if is_shorter { (self.cpu_time_max, "cpu_time_max") } else { (self.wall_time_max, self.wall_limit) }
    }
}

impl Run {
    /// Runs `setup` alone, as a deploy does.
    ///
    /// # Errors
    /// `setup` failed, trapped or took too long.
    pub(crate) async fn setup(self) -> Result<(), Failure> {
        let limits = &self.version.policy.limits;
        let (wall_time_max, cpu_time_max) = (limits.setup_time_max, limits.cpu_time_max);
        let response = Arc::clone(&self.version.unread);
        answered(self.call(Bounds { wall_time_max, wall_limit: "setup_time_max", cpu_time_max }, Entry::Setup, response).await?)
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The guest failed, trapped, or ran into a limit.
    pub(crate) async fn answer(self, entry: Entry, response: Arc<Response>) -> Result<(), Failure> {
        let limits = &self.version.policy.limits;
        let (wall_time_max, cpu_time_max) = (limits.wall_time_max, limits.cpu_time_max);
        answered(self.call(Bounds { wall_time_max, wall_limit: "wall_time_max", cpu_time_max }, entry, response).await?)
    }

    /// Calls one function within its bounds. The timer stands outside the store: inside, a guest that computes would hold it up.
    ///
    /// # Errors
    /// The guest failed in `setup`, trapped, or ran into a limit.
    pub(crate) async fn call(self, bounds: Bounds, entry: Entry, response: Arc<Response>) -> Result<Returned, Failure> {
        let (cpu_time_max, cpu_limit) = bounds.cpu();
        let meter = CpuMeter::new(cpu_time_max, cpu_limit);
        let turns = Arc::clone(&self.version.turns);
        let run = Metered::new(self.in_store(Arc::clone(&meter), entry, response), meter, turns);
        let max = bounds.wall_time_max;
        tokio::time::timeout(max, run).await.unwrap_or_else(|_| {
            let text = format!("the run took longer than {}, {} ms", bounds.wall_limit, max.as_millis());
            Err(Failure::new(FailureKind::Timeout, text))
        })
    }

    async fn in_store(self, meter: Arc<CpuMeter>, entry: Entry, response: Arc<Response>) -> Result<Returned, Failure> {
        let mut store = self.store(meter);
        let called = call(&self.version, &mut store, Arc::clone(&response), entry).await;
        let returned = called.map_err(|error| self.trapped(&error, &store))?.map_err(Failure::from)?;
        match response.overrun() {
            // The client's answer is incomplete, which is no limit of the client's: it must not try again.
            Some(overrun) => Err(Failure::new(FailureKind::Failed, overrun.message.clone())),
            None => Ok(returned),
        }
    }

    fn store(&self, meter: Arc<CpuMeter>) -> Store<GuestState> {
        let limits = &self.version.policy.limits;
        let log_limits = LogLimits { lines_max: limits.log_lines_max, line_bytes_max: limits.log_line_bytes_max };
        let log = Arc::new(GuestLog::new(Arc::clone(&self.context.pipeline), self.context.id, log_limits));
        let memory = MemoryLimit::new(limits.memory_bytes_max);
        let state = GuestState::new(self.services.clone(), self.context.clone(), log, Arc::clone(&self.version.unread), memory);
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
        let (pipeline, run) = (&*self.context.pipeline, self.context.id);
        tracing::warn!(pipeline, %run, reason = failure.message, "the run trapped: {error:?}");
        failure
    }
}

/// The outcome of a function that answers.
fn answered(returned: Returned) -> Result<(), Failure> {
    match returned {
        Returned::Answered(outcome) => outcome.map_err(Failure::from),
        Returned::Job(_) => Err(Failure::new(FailureKind::Failed, "the plugin returned a job's result where an answer was due")),
    }
}

/// Everything that runs the guest's code. The inner error is that of `setup`.
async fn call(
    version: &Version,
    store: &mut Store<GuestState>,
    response: Arc<Response>,
    entry: Entry,
) -> wasmtime::Result<Result<Returned, types::Failure>> {
    let instance = version.instance_pre.instantiate_async(&mut *store).await?;
    let setup = setup(&version.shape, store, &instance)?;
    let entry = entry.prepare(&version.shape, store, &instance)?;
    store
        .run_concurrent(async |accessor| {
            if let (Err(failure),) = setup.call_concurrent(accessor, ()).await? {
                return Ok(Err(failure));
            }
            accessor.with(|mut access| access.data_mut().set_response(response));
            Ok(Ok(entry.call(accessor).await?))
        })
        .await?
}
