//! Executes one run in a store: instantiate, `setup`, call. Dropping the future drops the store,
//! and with it everything that the guest is doing.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hayrick_capabilities::bindings::exports::hayrick::pipeline::api::Description;
use hayrick_capabilities::bindings::hayrick::pipeline::types;
use hayrick_capabilities::guest_log::{GuestLog, LogLimits};
use hayrick_capabilities::guest_state::GuestState;
use hayrick_capabilities::plugin_share::PluginShare;
use hayrick_capabilities::response_writer::ResponseWriter;
use hayrick_capabilities::run_context::RunContext;
use hayrick_capabilities::services::Services;
use hayrick_types::contract::Export;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use wasmtime::component::Accessor;
use wasmtime::{CallHook, Store, UpdateDeadline};

use crate::api_output::ApiOutput;
use crate::cpu_meter::{CpuMeter, Metered, limit_label};
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

/// How long a run may take and compute, and the names of the limits that say so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) wall_time_max: Duration,
    pub(crate) wall_limit: LimitName,
    pub(crate) cpu_time_max: Duration,
    pub(crate) cpu_limit: LimitName,
}

impl Bounds {
    /// The shorter of the two limits on computing, and its name.
    fn cpu(self) -> (Duration, LimitName) {
        let is_shorter = self.cpu_time_max < self.wall_time_max;
        if is_shorter {
            (self.cpu_time_max, self.cpu_limit)
        } else {
            (self.wall_time_max, self.wall_limit)
        }
    }
}

/// When dropped, records how long a run took and computed, and whether its client was slow.
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
    /// Runs `setup`, for a deploy, and asks an API for its description.
    ///
    /// # Errors
    /// A function failed, trapped or took too long.
    pub(crate) async fn setup(self) -> Result<Option<Description>, Failure> {
        let limits = &self.version.policy.limits;
        let bounds = Bounds {
            wall_time_max: limits.setup_time_max,
            wall_limit: LimitName::SetupTimeMax,
            cpu_time_max: limits.cpu_time_max,
            cpu_limit: LimitName::CpuTimeMax,
        };
        let response = Arc::clone(&self.version.unread);
        let reached = self.context.limits.clone();
        let guest_call = match self.version.shape.serves(Export::Api) {
            true => GuestCall::Describe,
            false => GuestCall::Setup,
        };
        match self.call(bounds, guest_call, response).await? {
            Returned::Described(described) => {
                let described = described.map_err(|failure| reached.from_guest(failure))?;
                Ok(Some(described))
            }
            _ => Ok(None),
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The guest failed, trapped, or reached a limit.
    pub(crate) async fn answer(
        self,
        guest_call: GuestCall,
        response: Arc<ResponseWriter>,
    ) -> Result<ApiOutput, Failure> {
        let limits = &self.version.policy.limits;
        let bytes_max = limits.output_bytes_max;
        let bounds = Bounds {
            wall_time_max: limits.wall_time_max,
            wall_limit: LimitName::WallTimeMax,
            cpu_time_max: limits.cpu_time_max,
            cpu_limit: LimitName::CpuTimeMax,
        };
        let reached = self.context.limits.clone();
        let writer = Arc::clone(&response);
        let returned = match self.call(bounds, guest_call, response).await? {
            Returned::Answered(outcome) => outcome.map(|()| ApiOutput::Sent),
            Returned::Api(outcome) => outcome.map(ApiOutput::from),
            Returned::Vectors(outcome) => outcome.map(ApiOutput::vectors),
            Returned::Described(_) | Returned::Job(_) => return Err(not_an_answer()),
        };
        let output = returned.map_err(|failure| reached.from_guest(failure))?;
        output
            .checked(bytes_max, writer.has_sent())
            .inspect_err(|failure| reached.count_end(failure.limit))
    }

    /// Calls one function within its bounds. The timer is outside the store: inside, a guest that
    /// computes would delay it.
    ///
    /// # Errors
    /// The guest failed in `setup`, trapped, or reached a limit.
    pub(crate) async fn call(
        self,
        bounds: Bounds,
        guest_call: GuestCall,
        response: Arc<ResponseWriter>,
    ) -> Result<Returned, Failure> {
        let (cpu_time_max, cpu_limit) = bounds.cpu();
        let meter = CpuMeter::new(cpu_time_max, cpu_limit);
        let (turns, cpu) = (Arc::clone(&self.version.turns), self.context.share.cpu());
        let _timed = Timed {
            share: Arc::clone(&self.context.share),
            meter: Arc::clone(&meter),
            start: Instant::now(),
            response: Arc::clone(&response),
        };
        let reached = self.context.limits.clone();
        let withdrawn = self.version.withdrawn.clone();
        let run = Metered::new(
            self.in_store(Arc::clone(&meter), guest_call, response),
            meter,
            turns,
            cpu,
        );
        let max = bounds.wall_time_max;
        let run = async {
            let ended = withdrawn.run_until_cancelled(run).await;
            ended.unwrap_or_else(|| Err(grant_withdrawn()))
        };
        let returned = tokio::time::timeout(max, run)
            .await
            .unwrap_or_else(|_| Err(took_too_long(max, bounds.wall_limit)));
        returned.inspect_err(|failure| reached.count_end(failure.limit))
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
            .filter(|_| !matches!(guest_call, GuestCall::Setup | GuestCall::Describe));
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
        self.count_tolerated(&called, &pooled.store);
        let returned = called
            .map_err(|error| self.trapped(&error, &pooled.store))?
            .map_err(|failure| self.context.limits.from_guest(failure))?;
        if let Some(overrun) = response.overrun() {
            // The answer is incomplete. `limit` would suggest that the client try again, so fail.
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

    /// Reuses the instance of an earlier run for this one.
    fn resume(&self, mut pooled: PooledStore, meter: Arc<CpuMeter>) -> PooledStore {
        pooled.store.data_mut().begin(self.context.clone());
        count_slices(&mut pooled.store, meter);
        pooled
    }

    /// Counts a limit on memory that the guest reached and tolerated.
    fn count_tolerated<T>(&self, called: &wasmtime::Result<T>, store: &Store<GuestState>) {
        if called.is_ok() {
            self.context.limits.count_end(store.data().memory.refused());
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
        store.call_hook(|mut context, entry| {
            let calls = &mut context.data_mut().suspended_calls;
            match entry {
                CallHook::CallingWasm => calls.enter()?,
                CallHook::ReturningFromWasm => calls.leave(),
                CallHook::CallingHost | CallHook::ReturningFromHost => {}
            }
            Ok(())
        });
        store.set_hostcall_fuel(limits.host_call_bytes_max);
        store.set_max_component_handles(limits.handles_max);
        count_slices(&mut store, meter);
        store
    }

    /// Converts a trap to a failure, and logs the backtrace of the guest for its author.
    fn trapped(&self, error: &wasmtime::Error, store: &Store<GuestState>) -> Failure {
        let share = &self.context.share;
        let failure = trap::failure(
            error,
            store.data().memory.refused(),
            &self.version.policy.limits,
            share.host_max().memory_bytes,
        );
        let (pipeline, run) = (&*self.context.pipeline, self.context.id);
        tracing::warn!(pipeline, %run, reason = failure.message, "the run trapped: {error:?}");
        failure
    }
}

/// Makes the guest yield after each time slice, and trap once its CPU time is used up.
fn count_slices(store: &mut Store<GuestState>, meter: Arc<CpuMeter>) {
    store.set_epoch_deadline(1);
    // An error stops an endless loop; a yield lets other runs continue.
    store.epoch_deadline_callback(move |_| {
        meter.check()?;
        Ok(UpdateDeadline::Yield(1))
    });
}

/// The failure of a run that took longer than `max`.
pub(crate) fn took_too_long(max: Duration, limit: LimitName) -> Failure {
    let text = format!(
        "the run took longer than {} ms ({})",
        max.as_millis(),
        limit_label(limit)
    );
    Failure::new(FailureKind::Timeout, text).limit(limit)
}

/// A run ends with this when its version loses a grant. The client may try again: another version
/// may serve.
fn grant_withdrawn() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "the operator took back a grant of this plugin during the run",
    )
}

/// The call of another function than one that answers, which is a bug in the host.
fn not_an_answer() -> Failure {
    Failure::new(
        FailureKind::Failed,
        "the plugin returned something that is not an answer",
    )
}

/// Runs the code of the guest. The inner error is the failure of `setup`.
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
    let (returned, has_tasks) = store
        .run_concurrent(async |accessor| {
            if let Some(setup) = setup
                && let (Err(failure),) = setup.call_concurrent(accessor, ()).await?
            {
                return wasmtime::error::Ok((Err(failure), true));
            }
            accessor.with(|mut access| access.data_mut().set_response(response));
            let returned = prepared.call(accessor).await?;
            Ok((Ok(returned), has_tasks(accessor).await))
        })
        .await??;
    pooled.has_tasks = has_tasks;
    Ok(returned)
}

/// Whether the guest left a task behind that would go on in the next run of its instance.
async fn has_tasks(accessor: &Accessor<GuestState>) -> bool {
    poll_fn(|context| Poll::Ready(accessor.poll_no_interesting_tasks(context).is_pending())).await
}
