//! One store, one run: instantiate, `setup`, call, and out. Dropping the future drops the store,
//! and with it all that the guest has going on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hayrick_capabilities::bindings::hayrick::pipeline::types;
use hayrick_capabilities::guest_log::{GuestLog, LogLimits};
use hayrick_capabilities::guest_state::GuestState;
use hayrick_capabilities::plugin_share::PluginShare;
use hayrick_capabilities::reached_limits::ReachedLimits;
use hayrick_capabilities::response_writer::ResponseWriter;
use hayrick_capabilities::run_context::RunContext;
use hayrick_capabilities::services::Services;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use wasmtime::{Store, UpdateDeadline};

use crate::cpu_meter::{CpuMeter, Metered, words};
use crate::guest_call::{GuestCall, Returned, setup};
use crate::trap;
use crate::version::Version;
use crate::warm::{PooledStore, WarmPool};

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
    pub(crate) wall_limit: LimitName,
    pub(crate) cpu_time_max: Duration,
}

impl Bounds {
    /// The shorter of both limits on computing, and its name.
    fn cpu(self) -> (Duration, LimitName) {
        let is_shorter = self.cpu_time_max < self.wall_time_max;
        if is_shorter {
            (self.cpu_time_max, LimitName::CpuTimeMax)
        } else {
            (self.wall_time_max, self.wall_limit)
        }
    }
}

/// Counts how long a run took and computed, and whether its client was slow, however it ends.
struct Timed {
    share: Arc<PluginShare>,
    meter: Arc<CpuMeter>,
    start: Instant,
    response: Arc<ResponseWriter>,
}

impl Drop for Timed {
    fn drop(&mut self) {
        let metrics = self.share.metrics();
        metrics.ended(self.start.elapsed(), self.meter.spent());
        if self.response.waited() {
            metrics.reached(LimitName::ChannelItemsMax);
        }
    }
}

impl Run {
    /// Runs `setup` alone, as a deploy does.
    ///
    /// # Errors
    /// `setup` failed, trapped or took too long.
    pub(crate) async fn setup(self) -> Result<(), Failure> {
        let limits = &self.version.policy.limits;
        let bounds = Bounds {
            wall_time_max: limits.setup_time_max,
            wall_limit: LimitName::SetupTimeMax,
            cpu_time_max: limits.cpu_time_max,
        };
        let response = Arc::clone(&self.version.unread);
        let reached = self.context.limits.clone();
        let returned = self.call(bounds, GuestCall::Setup, response).await?;
        answered(returned, &reached)
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The guest failed, trapped, or ran into a limit.
    pub(crate) async fn answer(
        self,
        guest_call: GuestCall,
        response: Arc<ResponseWriter>,
    ) -> Result<(), Failure> {
        let limits = &self.version.policy.limits;
        let bounds = Bounds {
            wall_time_max: limits.wall_time_max,
            wall_limit: LimitName::WallTimeMax,
            cpu_time_max: limits.cpu_time_max,
        };
        let reached = self.context.limits.clone();
        let returned = self.call(bounds, guest_call, response).await?;
        answered(returned, &reached)
    }

    /// Calls one function within its bounds. The timer stands outside the store: inside, a guest
    /// that computes would hold it up.
    ///
    /// # Errors
    /// The guest failed in `setup`, trapped, or ran into a limit.
    pub(crate) async fn call(
        self,
        bounds: Bounds,
        guest_call: GuestCall,
        response: Arc<ResponseWriter>,
    ) -> Result<Returned, Failure> {
        let (cpu_time_max, cpu_limit) = bounds.cpu();
        let meter = CpuMeter::new(cpu_time_max, cpu_limit);
        let (turns, long_runs) = (
            Arc::clone(&self.version.turns),
            self.context.share.long_runs(),
        );
        let _timed = Timed {
            share: Arc::clone(&self.context.share),
            meter: Arc::clone(&meter),
            start: Instant::now(),
            response: Arc::clone(&response),
        };
        let reached = self.context.limits.clone();
        let run = Metered::new(
            self.in_store(Arc::clone(&meter), guest_call, response),
            meter,
            turns,
            long_runs,
        );
        let max = bounds.wall_time_max;
        let returned = tokio::time::timeout(max, run).await.unwrap_or_else(|_| {
            let text = format!(
                "the run took longer than {}, {} ms",
                words(bounds.wall_limit),
                max.as_millis()
            );
            Err(Failure::new(FailureKind::Timeout, text).limit(bounds.wall_limit))
        });
        returned.inspect_err(|failure| reached.ended(failure.limit))
    }

    async fn in_store(
        self,
        meter: Arc<CpuMeter>,
        guest_call: GuestCall,
        response: Arc<ResponseWriter>,
    ) -> Result<Returned, Failure> {
        let warm = self
            .version
            .warm
            .as_ref()
            .filter(|_| !matches!(guest_call, GuestCall::Setup));
        let mut pooled = match warm.and_then(WarmPool::take) {
            Some(pooled) => self.resume(pooled, meter),
            None => PooledStore::fresh(self.store(meter)),
        };
        let called = call(
            &self.version,
            &mut pooled,
            Arc::clone(&response),
            guest_call,
        )
        .await;
        self.count_unfelt(&called, &pooled.store);
        let returned = called
            .map_err(|error| self.trapped(&error, &pooled.store))?
            .map_err(|failure| self.context.limits.returned(failure))?;
        if let Some(overrun) = response.overrun() {
            // The client's answer is incomplete, which is no limit of the client's: it must not try
            // again.
            return Err(Failure {
                kind: FailureKind::Failed,
                ..overrun.clone()
            });
        }
        if let Some(warm) = warm {
            pooled
                .store
                .data_mut()
                .set_response(Arc::clone(&self.version.unread));
            warm.give_back(pooled);
        }
        Ok(returned)
    }

    /// An instance of an earlier run, as this run's.
    fn resume(&self, mut pooled: PooledStore, meter: Arc<CpuMeter>) -> PooledStore {
        pooled.store.data_mut().begin(self.context.clone());
        count_slices(&mut pooled.store, meter);
        pooled
    }

    /// Counts growth that was refused and that the guest could do without.
    fn count_unfelt<T>(&self, called: &wasmtime::Result<T>, store: &Store<GuestState>) {
        if called.is_ok() {
            self.context.limits.ended(store.data().memory.refused());
        }
    }

    fn store(&self, meter: Arc<CpuMeter>) -> Store<GuestState> {
        let limits = &self.version.policy.limits;
        let log_limits = LogLimits {
            lines_max: limits.log_lines_max,
            line_bytes_max: limits.log_line_bytes_max,
            lines_per_second_max: limits.log_lines_per_second_max,
        };
        let (pipeline, share) = (
            Arc::clone(&self.context.pipeline),
            Arc::clone(&self.context.share),
        );
        let log = Arc::new(GuestLog::new(pipeline, self.context.id, log_limits, share));
        let state = GuestState::new(
            self.services.clone(),
            self.context.clone(),
            log,
            Arc::clone(&self.version.unread),
            limits,
        );
        let mut store = Store::new(self.version.instance_pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.host_call_bytes_max);
        store.set_max_component_handles(limits.handles_max);
        count_slices(&mut store, meter);
        store
    }

    /// Turns a trap into a failure, and keeps the guest's backtrace for its author.
    fn trapped(&self, error: &wasmtime::Error, store: &Store<GuestState>) -> Failure {
        let share = &self.context.share;
        let failure = trap::failure(
            error,
            store.data().memory.refused(),
            &self.version.policy.limits,
            share.host_memory_bytes_max(),
        );
        let (pipeline, run) = (&*self.context.pipeline, self.context.id);
        tracing::warn!(pipeline, %run, reason = failure.message, "the run trapped: {error:?}");
        failure
    }
}

/// Has the guest yield after each time slice, and trap once `meter` says so.
fn count_slices(store: &mut Store<GuestState>, meter: Arc<CpuMeter>) {
    store.set_epoch_deadline(1);
    // Only an error stops a loop; a yield lets the others run.
    store.epoch_deadline_callback(move |_| {
        meter.check()?;
        Ok(UpdateDeadline::Yield(1))
    });
}

/// The outcome of a function that answers.
fn answered(returned: Returned, reached: &ReachedLimits) -> Result<(), Failure> {
    match returned {
        Returned::Answered(outcome) => outcome.map_err(|failure| reached.returned(failure)),
        Returned::Job(_) => Err(Failure::new(
            FailureKind::Failed,
            "the plugin returned a job's result where an answer was due",
        )),
    }
}

/// Everything that runs the guest's code. The inner error is that of `setup`.
async fn call(
    version: &Version,
    pooled: &mut PooledStore,
    response: Arc<ResponseWriter>,
    guest_call: GuestCall,
) -> wasmtime::Result<Result<Returned, types::Failure>> {
    let store = &mut pooled.store;
    let (instance, setup) = match pooled.instance {
        Some(instance) => (instance, None),
        None => {
            let instance = version.instance_pre.instantiate_async(&mut *store).await?;
            (instance, Some(setup(&version.shape, store, &instance)?))
        }
    };
    pooled.instance = Some(instance);
    let prepared = guest_call.prepare(&version.shape, store, &instance)?;
    store
        .run_concurrent(async |accessor| {
            if let Some(setup) = setup
                && let (Err(failure),) = setup.call_concurrent(accessor, ()).await?
            {
                return Ok(Err(failure));
            }
            accessor.with(|mut access| access.data_mut().set_response(response));
            Ok(Ok(prepared.call(accessor).await?))
        })
        .await?
}
