//! Starts a run by name: finds the pipeline, waits for a place, and runs the version that serves by
//! then.

use std::sync::Arc;
use std::time::Duration;

use hayrick_capabilities::output::channel;
use hayrick_capabilities::reached_limits::ReachedLimits;
use hayrick_capabilities::response_writer::ResponseWriter;
use hayrick_capabilities::run_context::RunContext;
use hayrick_capabilities::services::Services;
use hayrick_types::contract::Export;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::{PIPELINE_NAME_BYTES_MAX, RunId};
use hayrick_types::pipeline::PipelineStatus;

use crate::api_output::Returns;
use crate::guest_call::{ClientRequest, GuestCall};
use crate::instance::Run;
use crate::pipeline::{ActiveRun, Pipeline};
use crate::registry::Registry;
use crate::run_stream::RunStream;
use crate::version::Version;

/// When a client should ask again for a pipeline that is being compiled.
const COMPILE_RETRY: Duration = Duration::from_secs(1);

/// A pipeline that serves an export now.
pub(crate) struct Serving {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) version: Arc<Version>,
    export: Export,
}

impl Serving {
    /// Looks up the pipeline.
    ///
    /// # Errors
    /// `not-found` if there is no such pipeline or it does not serve `export`, `unavailable` if it
    /// has no version that serves.
    pub(crate) fn find(
        registry: &Registry,
        name: &str,
        export: Export,
    ) -> Result<Serving, Failure> {
        let pipeline = registry.get(name).ok_or_else(|| unknown(name))?;
        Serving::of(pipeline, export)
    }

    fn of(pipeline: Arc<Pipeline>, export: Export) -> Result<Serving, Failure> {
        let version = pipeline
            .version()
            .ok_or_else(|| not_serving(&pipeline.status()))?;
        if !version.shape.serves(export) {
            return Err(not_exported(pipeline.name().as_str(), export));
        }
        Ok(Serving {
            pipeline,
            version,
            export,
        })
    }

    /// Waits for a place. If another version serves by then, the run uses that one.
    async fn enter(self) -> Result<(Serving, ActiveRun), Failure> {
        let active = self.pipeline.enter().await?;
        Ok((Serving::of(self.pipeline, self.export)?, active))
    }

    /// The failure of a pipeline that does not have the export.
    pub(crate) fn not_exported(&self) -> Failure {
        not_exported(self.pipeline.name().as_str(), self.export)
    }

    /// The pipeline's name.
    pub(crate) fn name(&self) -> Arc<str> {
        self.pipeline.shared_name()
    }
}

/// Waits for a free place and starts a run that answers a client. The guest runs while the stream
/// is polled.
///
/// # Errors
/// `limit` if too many runs are waiting already; otherwise those of [`Serving::find`], if another
/// version serves by then.
pub(crate) async fn answer(
    serving: Serving,
    services: &Services,
    id: RunId,
    request: ClientRequest,
) -> Result<RunStream, Failure> {
    let pipeline = serving.name();
    let recorder = services.tasks.begin(request.task(id, &pipeline));
    let (serving, active) = serving
        .enter()
        .await
        .inspect_err(|failure| recorder.finish(Err(failure)))?;
    let (sender, receiver) = channel(serving.version.output_limits());
    let policy = Arc::clone(&serving.version.policy);
    let number = serving.version.status.number;
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
        attempt: None,
    };
    let run = Run {
        context,
        version: serving.version,
        services: services.clone(),
    };
    let response = Arc::new(ResponseWriter::new(sender, Some(recorder.clone())));
    let returns = Returns::default();
    let returned = returns.clone();
    let running = async move {
        recorder.processing();
        let outcome = run
            .answer(GuestCall::Client(request), response)
            .await
            .map_err(|failure| active.failed(failure, id));
        recorder.finish(outcome.as_ref().map(|_| ()));
        outcome.map(|output| returned.put(output))
    };
    Ok(RunStream::new(running, receiver, number, returns))
}

fn unknown(name: &str) -> Failure {
    let name: String = name.chars().take(PIPELINE_NAME_BYTES_MAX).collect();
    Failure::new(
        FailureKind::NotFound,
        format!("there is no pipeline '{name}': GET /v1/models lists the pipelines"),
    )
}

fn not_serving(status: &PipelineStatus) -> Failure {
    let reason = match &status.last_error {
        Some(_) => "its file was refused; GET /status says why",
        None => "its first version is being compiled",
    };
    let failure = Failure::new(
        FailureKind::Unavailable,
        format!("the pipeline '{}' is not serving: {reason}", status.name),
    );
    match &status.last_error {
        Some(_) => failure,
        None => failure.retry_after(COMPILE_RETRY),
    }
}

/// The failure of a pipeline that does not have an export.
pub(crate) fn not_exported(name: &str, export: Export) -> Failure {
    let absent = export.absent();
    Failure::new(
        FailureKind::NotFound,
        format!("the pipeline '{name}' {absent}: it does not export {export}"),
    )
}
