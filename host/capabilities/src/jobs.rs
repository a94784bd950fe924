//! `jobs`: durable background work of this plugin. A plugin sees only its own jobs, because the
//! host fills in the name of the pipeline.

use std::time::Duration;

use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::queue::Jobs;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::job::{Job, JobFilter, JobId, JobStatus, Submission};
use wasmtime::component::{Accessor, HasData};

use crate::bindings::hayrick::pipeline::{jobs, types};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;
use crate::held::held;
use crate::host_calls::{HostCall, HostCalls};
use crate::run_context::RunContext;

/// The longest that one call waits. The time limit of a run is usually shorter.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The part of a run's state that `jobs` uses.
pub struct JobsView<'a> {
    pub(crate) jobs: &'a Jobs,
    pub(crate) run: &'a RunContext,
    pub(crate) calls: &'a HostCalls,
}

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = JobsView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> JobsView<'_> {
    JobsView {
        jobs: &state.services.jobs,
        run: &state.run,
        calls: &state.calls,
    }
}

impl JobsView<'_> {
    /// Begins a call that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<JobsCall> {
        Ok(JobsCall {
            jobs: self.jobs.clone(),
            run: self.run.clone(),
            call: self.calls.begin(bytes)?,
        })
    }
}

/// One call of `jobs`: what it needs while it waits.
struct JobsCall {
    jobs: Jobs,
    run: RunContext,
    call: HostCall,
}

type Outcome<T> = Result<T, types::Failure>;

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::InvalidInput, message)
}

fn parse(id: &str) -> Result<JobId, Failure> {
    JobId::parse(id).ok_or_else(|| invalid("a job id must be a UUID: use the id from `submit`"))
}

impl JobsCall {
    async fn submit(
        self,
        kind: String,
        data: String,
        options: jobs::SubmitOptions,
    ) -> Outcome<jobs::Job> {
        let grant = self.run.policy.jobs;
        if !grant.submit {
            let text = "this plugin may not submit jobs: ask the operator to set `submit = true` \
                        under [jobs] in its policy file";
            let denied = Failure::new(FailureKind::Denied, text);
            return self.run.limits.for_guest(Err(denied));
        }
        let submission = Submission {
            pipeline: self.run.pipeline.to_string(),
            kind,
            data,
            idempotency_key: options.idempotency_key,
            delay: options.delay.map(Duration::from_millis),
            priority: options.priority.unwrap_or(0),
            attempts_max: options.max_attempts,
            timeout: options.timeout.map(Duration::from_millis),
            pending_max: Some(grant.pending_max),
        };
        let submitted = self
            .run
            .limits
            .for_guest(self.jobs.submit(submission).await)?;
        Ok(submitted.job.into())
    }

    async fn get(self, id: String) -> Outcome<Option<jobs::Job>> {
        // Job ids are UUIDs, so there is no job with any other id.
        let Some(id) = JobId::parse(&id) else {
            return Ok(None);
        };
        let _read = self.call.read().await;
        match self.jobs.get(&self.run.pipeline, id).await {
            Err(JobError::NotFound { .. }) => Ok(None),
            found => Ok(Some(self.run.limits.for_guest(found)?.into())),
        }
    }

    async fn list(self, status: Option<jobs::Status>, limit: u32) -> Outcome<Vec<jobs::Job>> {
        let filter = JobFilter {
            pipeline: self.run.pipeline.to_string(),
            status: status.map(Into::into),
            kind: None,
            before: None,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let _read = self.call.read().await;
        let page = self.run.limits.for_guest(self.jobs.list(filter).await)?;
        Ok(page.jobs.into_iter().map(Into::into).collect())
    }

    async fn cancel(self, id: String) -> Outcome<jobs::Job> {
        let id = self.run.limits.for_guest(parse(&id))?;
        let _read = self.call.read().await;
        let job = self.jobs.cancel(&self.run.pipeline, id).await;
        Ok(self.run.limits.for_guest(job)?.into())
    }

    async fn wait(self, id: String, timeout: Option<u64>) -> Outcome<jobs::Job> {
        let id = self.run.limits.for_guest(parse(&id))?;
        let timeout = timeout
            .map_or(WAIT_MAX, Duration::from_millis)
            .min(WAIT_MAX);
        let reads = Some(self.call.reads());
        let job = self.jobs.wait(&self.run.pipeline, id, timeout, reads).await;
        Ok(self.run.limits.for_guest(job)?.into())
    }

    async fn checkpoint(self, state: String) -> Outcome<()> {
        let attempt = self.run.attempt.as_ref().ok_or_else(|| {
            invalid("`checkpoint` works only in an attempt of a job: call it inside `run-job`")
        });
        let lease = self.run.limits.for_guest(attempt)?.lease;
        self.run
            .limits
            .for_guest(self.jobs.checkpoint(lease, state).await)
    }
}

impl jobs::Host for JobsView<'_> {}

impl<T> jobs::HostWithStore<T> for HasView {
    async fn submit(
        accessor: &Accessor<T, Self>,
        kind: String,
        data: String,
        options: jobs::SubmitOptions,
    ) -> wasmtime::Result<Outcome<jobs::Job>> {
        let call = accessor.with(|mut access| {
            access
                .get()
                .begin(held(&kind) + held(&data) + held(&options))
        })?;
        Ok(call.submit(kind, data, options).await)
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        id: String,
    ) -> wasmtime::Result<Outcome<Option<jobs::Job>>> {
        let call = accessor.with(|mut access| access.get().begin(held(&id)))?;
        Ok(call.get(id).await)
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        status: Option<jobs::Status>,
        limit: u32,
    ) -> wasmtime::Result<Outcome<Vec<jobs::Job>>> {
        let call = accessor.with(|mut access| access.get().begin(0))?;
        Ok(call.list(status, limit).await)
    }

    async fn cancel(
        accessor: &Accessor<T, Self>,
        id: String,
    ) -> wasmtime::Result<Outcome<jobs::Job>> {
        let call = accessor.with(|mut access| access.get().begin(held(&id)))?;
        Ok(call.cancel(id).await)
    }

    async fn wait(
        accessor: &Accessor<T, Self>,
        id: String,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Outcome<jobs::Job>> {
        let call = accessor.with(|mut access| access.get().begin(held(&id)))?;
        Ok(call.wait(id, timeout).await)
    }

    async fn checkpoint(
        accessor: &Accessor<T, Self>,
        state: String,
    ) -> wasmtime::Result<Outcome<()>> {
        let call = accessor.with(|mut access| access.get().begin(held(&state)))?;
        Ok(call.checkpoint(state).await)
    }
}

impl sync::jobs::Host for JobsView<'_> {
    async fn submit(
        &mut self,
        kind: String,
        data: String,
        options: jobs::SubmitOptions,
    ) -> wasmtime::Result<Outcome<jobs::Job>> {
        let call = self.begin(held(&kind) + held(&data) + held(&options))?;
        Ok(call.submit(kind, data, options).await)
    }

    async fn get(&mut self, id: String) -> wasmtime::Result<Outcome<Option<jobs::Job>>> {
        Ok(self.begin(held(&id))?.get(id).await)
    }

    async fn list(
        &mut self,
        status: Option<jobs::Status>,
        limit: u32,
    ) -> wasmtime::Result<Outcome<Vec<jobs::Job>>> {
        Ok(self.begin(0)?.list(status, limit).await)
    }

    async fn cancel(&mut self, id: String) -> wasmtime::Result<Outcome<jobs::Job>> {
        Ok(self.begin(held(&id))?.cancel(id).await)
    }

    async fn wait(
        &mut self,
        id: String,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Outcome<jobs::Job>> {
        Ok(self.begin(held(&id))?.wait(id, timeout).await)
    }

    async fn checkpoint(&mut self, state: String) -> wasmtime::Result<Outcome<()>> {
        Ok(self.begin(held(&state))?.checkpoint(state).await)
    }
}

impl From<Job> for jobs::Job {
    fn from(job: Job) -> jobs::Job {
        jobs::Job {
            id: job.id.to_string(),
            kind: job.kind,
            status: job.status.into(),
            attempt: job.attempt,
            created_at: job.created_at,
            started_at: job.started_at,
            completed_at: job.completed_at,
            progress: job.progress.map(|progress| types::Progress {
                done: progress.done,
                total: progress.total,
                message: progress.message,
            }),
            result: job.result,
            error: job.error,
        }
    }
}

impl From<JobStatus> for jobs::Status {
    fn from(status: JobStatus) -> jobs::Status {
        match status {
            JobStatus::Pending => jobs::Status::Pending,
            JobStatus::Running => jobs::Status::Running,
            JobStatus::Completed => jobs::Status::Completed,
            JobStatus::Failed => jobs::Status::Failed,
            JobStatus::Cancelled => jobs::Status::Cancelled,
        }
    }
}

impl From<jobs::Status> for JobStatus {
    fn from(status: jobs::Status) -> JobStatus {
        match status {
            jobs::Status::Pending => JobStatus::Pending,
            jobs::Status::Running => JobStatus::Running,
            jobs::Status::Completed => JobStatus::Completed,
            jobs::Status::Failed => JobStatus::Failed,
            jobs::Status::Cancelled => JobStatus::Cancelled,
        }
    }
}
