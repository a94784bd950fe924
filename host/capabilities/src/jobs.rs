//! `jobs`: durable work of this plugin. It sees its own jobs only: the pipeline's name is the
//! host's, not the guest's word.

use std::time::Duration;

use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::queue::Jobs;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::job::{Job, JobFilter, JobId, JobStatus, Submission};
use wasmtime::component::{Accessor, HasData};

use crate::bindings::hayrick::pipeline::{jobs, types};
use crate::host_calls::{HostCall, HostCalls};
use crate::run_context::RunContext;

/// The longest wait of one call; a run's own time limit is mostly shorter.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What a run reaches of the jobs.
pub struct JobsView<'a> {
    pub(crate) jobs: &'a Jobs,
    pub(crate) run: &'a RunContext,
    pub(crate) calls: &'a HostCalls,
}

/// One pipeline's jobs, for the length of a call.
pub(crate) struct Own {
    jobs: Jobs,
    run: RunContext,
}

/// How wasmtime gets at the view.
pub(crate) struct HasJobs;

impl HasData for HasJobs {
    type Data<'a> = JobsView<'a>;
}

impl JobsView<'_> {
    pub(crate) fn own(&self) -> Own {
        Own {
            jobs: self.jobs.clone(),
            run: self.run.clone(),
        }
    }

    /// The same for a call that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<(Own, HostCall)> {
        self.calls.begin(bytes).map(|call| (self.own(), call))
    }
}

type Told<T> = Result<T, types::Failure>;

impl Own {
    fn told<T>(&self, outcome: Result<T, JobError>) -> Told<T> {
        let told = outcome.map_err(Failure::from);
        told.inspect_err(|failure| self.run.share.count(failure))
            .map_err(Into::into)
    }
}

fn invalid(message: impl Into<String>) -> types::Failure {
    Failure::new(FailureKind::InvalidInput, message).into()
}

fn parse(id: &str) -> Told<JobId> {
    JobId::parse(id).ok_or_else(|| invalid("a job's id is a UUID, as `submit` returned it"))
}

impl Own {
    pub(crate) async fn submit(
        self,
        kind: String,
        data: String,
        options: jobs::SubmitOptions,
    ) -> Told<jobs::Job> {
        let grant = self.run.policy.jobs;
        if !grant.submit {
            let text = "this plugin may not submit jobs: have the operator write `submit = true` below [jobs] in its policy file";
            return Err(Failure::new(FailureKind::Denied, text).into());
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
        self.told(self.jobs.submit(submission).await)
            .map(|submitted| submitted.job.into())
    }

    pub(crate) async fn get(self, id: String) -> Told<Option<jobs::Job>> {
        // What is no id is no job's.
        let Some(id) = JobId::parse(&id) else {
            return Ok(None);
        };
        match self.jobs.get(&self.run.pipeline, id).await {
            Err(JobError::NotFound { .. }) => Ok(None),
            found => self.told(found).map(|job| Some(job.into())),
        }
    }

    pub(crate) async fn list(
        self,
        status: Option<jobs::Status>,
        limit: u32,
    ) -> Told<Vec<jobs::Job>> {
        let filter = JobFilter {
            pipeline: self.run.pipeline.to_string(),
            status: status.map(Into::into),
            kind: None,
            before: None,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        };
        self.told(self.jobs.list(filter).await)
            .map(|page| page.jobs.into_iter().map(Into::into).collect())
    }

    pub(crate) async fn cancel(self, id: String) -> Told<jobs::Job> {
        self.told(self.jobs.cancel(&self.run.pipeline, parse(&id)?).await)
            .map(Into::into)
    }

    pub(crate) async fn wait(self, id: String, timeout: Option<u64>) -> Told<jobs::Job> {
        let timeout = timeout
            .map_or(WAIT_MAX, Duration::from_millis)
            .min(WAIT_MAX);
        self.told(
            self.jobs
                .wait(&self.run.pipeline, parse(&id)?, timeout)
                .await,
        )
        .map(Into::into)
    }

    pub(crate) async fn checkpoint(self, state: String) -> Told<()> {
        let attempt = self.run.attempt.as_ref();
        let attempt = attempt.ok_or_else(|| {
            invalid("`checkpoint` is for the attempt of a job: call it inside `run-job`")
        })?;
        self.told(self.jobs.checkpoint(attempt.lease, state).await)
    }
}

impl jobs::Host for JobsView<'_> {}

impl<T> jobs::HostWithStore<T> for HasJobs {
    async fn submit(
        accessor: &Accessor<T, Self>,
        kind: String,
        data: String,
        options: jobs::SubmitOptions,
    ) -> wasmtime::Result<Told<jobs::Job>> {
        let (own, _call) =
            accessor.with(|mut access| access.get().begin(kind.len() + data.len()))?;
        Ok(own.submit(kind, data, options).await)
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        id: String,
    ) -> wasmtime::Result<Told<Option<jobs::Job>>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(0))?;
        Ok(own.get(id).await)
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        status: Option<jobs::Status>,
        limit: u32,
    ) -> wasmtime::Result<Told<Vec<jobs::Job>>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(0))?;
        Ok(own.list(status, limit).await)
    }

    async fn cancel(accessor: &Accessor<T, Self>, id: String) -> wasmtime::Result<Told<jobs::Job>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(0))?;
        Ok(own.cancel(id).await)
    }

    async fn wait(
        accessor: &Accessor<T, Self>,
        id: String,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Told<jobs::Job>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(0))?;
        Ok(own.wait(id, timeout).await)
    }

    async fn checkpoint(accessor: &Accessor<T, Self>, state: String) -> wasmtime::Result<Told<()>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(state.len()))?;
        Ok(own.checkpoint(state).await)
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
