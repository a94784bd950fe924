//! Runs one attempt of a job.

use std::sync::Arc;
use std::time::Duration;

use hayrick_capabilities::bindings::exports::hayrick::pipeline::job_handler::JobFailure;
use hayrick_capabilities::reached_limits::ReachedLimits;
use hayrick_capabilities::run_context::{AttemptContext, RunContext};
use hayrick_capabilities::services::Services;
use hayrick_types::contract::Export;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::job::{AttemptEnd, Claimed, Progress};
use hayrick_types::limit_name::LimitName;
use hayrick_types::task::TaskStart;
use tokio::sync::watch;

use crate::guest_call::{GuestCall, Returned};
use crate::instance::{Bounds, Run};
use crate::serving::Serving;

/// Where an attempt reports its progress.
pub type ProgressSender = Arc<watch::Sender<Option<Progress>>>;

/// Runs an attempt to its end. The worker limits how many attempts run, so this takes no place of
/// the plugin.
pub(crate) async fn run_attempt(
    serving: Serving,
    services: &Services,
    claimed: Claimed,
    progress: ProgressSender,
) -> AttemptEnd {
    let (id, pipeline) = (RunId::fresh(), serving.name());
    let job = Some(claimed.job.id);
    let task = TaskStart {
        id,
        pipeline: &pipeline,
        kind: Export::Job,
        messages: None,
        files: None,
        job,
    };
    let recorder = services.tasks.begin(task);
    let active = serving.pipeline.enter_job();
    let attempt = Some(AttemptContext {
        lease: claimed.lease(),
        progress,
    });
    let policy = Arc::clone(&serving.version.policy);
    let bounds = Bounds {
        wall_time_max: claimed.job.timeout,
        wall_limit: LimitName::JobTimeout,
        cpu_time_max: policy.jobs.cpu_time_max,
        cpu_limit: LimitName::JobCpuTimeMax,
    };
    let budget = services.budgets.begin(&pipeline, &policy.models);
    let share = serving.pipeline.share();
    let context = RunContext {
        id,
        pipeline,
        policy,
        budget,
        limits: ReachedLimits::new(Arc::clone(&share)),
        share,
        recorder: Some(recorder.clone()),
        attempt,
    };
    let response = Arc::clone(&serving.version.unread);
    let run = Run {
        context,
        version: serving.version,
        services: services.clone(),
    };
    recorder.processing();
    let returned = run
        .call(bounds, GuestCall::Job(Box::new(claimed)), response)
        .await;
    let returned = returned.map_err(|failure| active.failed(failure, id));
    let (end, failure) = end_of(returned);
    recorder.finish(failure.as_ref().map_or(Ok(()), Err));
    end
}

/// How the attempt ends for the queue, and the failure to show in its task, if any.
fn end_of(returned: Result<Returned, Failure>) -> (AttemptEnd, Option<Failure>) {
    match returned {
        Ok(Returned::Job(Ok(result))) => (AttemptEnd::Completed(result), None),
        Ok(Returned::Job(Err(JobFailure::Permanent(error)))) => {
            (AttemptEnd::Failed(error.clone()), Some(failed(error)))
        }
        Ok(Returned::Job(Err(JobFailure::Retry(retry)))) => {
            let end = AttemptEnd::Retry {
                error: retry.error.clone(),
                delay: retry.delay.map(Duration::from_millis),
            };
            (end, Some(failed(retry.error)))
        }
        Ok(
            Returned::Answered(_)
            | Returned::Api(_)
            | Returned::Vectors(_)
            | Returned::Described(_),
        ) => {
            let text = "the plugin returned an answer instead of a job result";
            let failure = failed(text.to_owned());
            (AttemptEnd::Failed(failure.message.clone()), Some(failure))
        }
        Err(failure) => (
            AttemptEnd::Retry {
                error: failure.message.clone(),
                delay: failure.retry_after,
            },
            Some(failure),
        ),
    }
}

fn failed(error: String) -> Failure {
    Failure::new(FailureKind::Failed, error)
}
