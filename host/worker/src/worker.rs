//! The loop that claims jobs and looks after their attempts.

use std::pin::pin;
use std::time::Duration;

use hayrick_runtime::runtime::Runtime;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::jobs::store::{Claim, Notice};
use hayrick_services::state::State;
use hayrick_types::clock;
use hayrick_types::job::{AttemptEnd, Claimed, JobStatus, Lease, OwnerId};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::attempt::AttemptRunner;
use crate::config::WorkerConfig;
use crate::places::{Places, Wanted};
use crate::upkeep::Upkeep;

/// How long to wait after an error of the store; it doubles up to the second value.
const OUTAGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How often the store is checked at least.
const IDLE: Duration = Duration::from_secs(60);

/// Runs the jobs of one store. There is one worker per process.
pub struct Worker {
    jobs: Jobs,
    runtime: Runtime,
    config: WorkerConfig,
    owner: OwnerId,
    places: Places,
    attempts: JoinSet<Lease>,
    release: watch::Sender<bool>,
    _upkeep: AbortOnDropHandle<()>,
}

impl Worker {
    /// Takes back the jobs that an earlier process left running. Called inside a tokio runtime.
    ///
    /// # Errors
    /// The store cannot be written to.
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is kept, and ends the task with the worker"
    )]
    pub async fn start(
        jobs: Jobs,
        state: State,
        runtime: Runtime,
        config: WorkerConfig,
    ) -> Result<Worker, JobError> {
        let owner = OwnerId::fresh();
        for job in jobs.reclaim(owner).await? {
            let (id, pipeline, crashes) = (job.id, job.pipeline, job.crashes);
            match job.status {
                JobStatus::Failed => {
                    tracing::error!(job = %id, pipeline, crashes, "the host died too often while it ran this job: the job has failed")
                }
                _ => {
                    tracing::warn!(job = %id, pipeline, crashes, "the host died while it ran this job: the job runs again")
                }
            }
        }
        let upkeep = Upkeep {
            jobs: jobs.clone(),
            state,
            runtime: runtime.clone(),
        };
        let upkeep = AbortOnDropHandle::new(tokio::spawn(upkeep.run(config.upkeep_interval)));
        let release = watch::Sender::new(false);
        let (places, attempts) = (Places::new(&config), JoinSet::new());
        Ok(Worker {
            jobs,
            runtime,
            config,
            owner,
            places,
            attempts,
            release,
            _upkeep: upkeep,
        })
    }

    /// Runs jobs until `stop`. Then it begins nothing more, waits up to `drain_deadline` for running
    /// attempts, and gives the rest back: those do not count, and run again after the next start.
    pub async fn run(mut self, stop: impl Future<Output = ()>, drain_deadline: Duration) {
        let mut stop = pin!(stop);
        let mut versions = self.runtime.changes();
        let mut heartbeats = interval(self.config.heartbeat_interval);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outage = OUTAGE.0;
        loop {
            let pause = match self.fill_places().await {
                Ok(pause) => {
                    outage = OUTAGE.0;
                    pause
                }
                Err(error) => {
                    tracing::error!(%error, "jobs cannot be claimed: retrying");
                    outage = (outage * 2).min(OUTAGE.1);
                    outage
                }
            };
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = self.attempts.join_next() => self.ended(ended).await,
                () = self.jobs.work_added() => {}
                Ok(()) = versions.changed() => {}
                _ = heartbeats.tick() => self.beat().await,
                () = sleep(pause) => {}
            }
            // Attempts often end together, with one commit: one claim then fills all their places.
            while let Some(ended) = self.attempts.try_join_next() {
                self.ended(ended).await;
            }
        }
        self.drain(drain_deadline).await;
    }

    /// Begins as many attempts as there are places and jobs: first one of each pipeline of which
    /// none runs. Returns how long there will be nothing more to begin, as far as is known.
    async fn fill_places(&mut self) -> Result<Duration, JobError> {
        let pipelines = self.runtime.job_pipelines();
        let first = self.places.first(&pipelines);
        let has_asked = self.claim(first, self.places.free()).await?;
        let further = self.places.further(&pipelines);
        if !(self.claim(further, self.places.shared()).await? || has_asked) {
            // The end of an attempt or a new version makes a place.
            return Ok(IDLE);
        }
        let due = self.jobs.next_due().await?;
        Ok(due
            .map_or(IDLE, |due| {
                Duration::from_millis(due).saturating_sub(clock::since_epoch())
            })
            .min(IDLE))
    }

    /// Begins up to `slots` jobs of those that are wanted; whether there was a place for any.
    async fn claim(&mut self, wanted: Wanted, slots: usize) -> Result<bool, JobError> {
        if slots == 0 || wanted.is_empty() {
            return Ok(false);
        }
        let claim = Claim {
            owner: self.owner,
            wanted,
            slots,
        };
        for claimed in self.jobs.claim(claim).await? {
            self.begin(claimed);
        }
        Ok(true)
    }

    fn begin(&mut self, claimed: Claimed) {
        let runner = AttemptRunner {
            jobs: self.jobs.clone(),
            runtime: self.runtime.clone(),
            release: self.release.subscribe(),
        };
        let (lease, pipeline) = (claimed.lease(), claimed.job.pipeline.clone());
        let task = self.attempts.spawn(runner.run(claimed));
        self.places.take(lease, pipeline, task);
    }

    async fn ended(&mut self, ended: Result<Lease, JoinError>) {
        match ended {
            Ok(lease) => self.places.give_back(lease),
            Err(error) => {
                let fault = "the host failed to run this job: see its log";
                for lease in self.places.give_back_finished() {
                    tracing::error!(job = %lease.id, %error, "the task of an attempt ended without an outcome");
                    let end = AttemptEnd::Retry {
                        error: fault.to_owned(),
                        delay: None,
                    };
                    // An attempt that was aborted because it lost its job is rightly refused here.
                    if let Err(error) = self.jobs.finish(lease, end).await {
                        tracing::warn!(job = %lease.id, %error, "its outcome was not stored");
                    }
                }
            }
        }
    }

    /// Aborts attempts that have lost their jobs. Cancelled ones learn it from the queue.
    async fn beat(&mut self) {
        let held = self.places.leases();
        if held.is_empty() {
            return;
        }
        match self.jobs.heartbeat(held).await {
            Ok(notices) => {
                for notice in notices {
                    if let Notice::Lost(lease) = notice {
                        self.places.abort(lease);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "a heartbeat failed"),
        }
    }

    async fn drain(&mut self, deadline: Duration) {
        let running = self.attempts.len();
        if running > 0 {
            tracing::info!(running, "waiting up to {deadline:?} for attempts of jobs");
        }
        if timeout(deadline, join_all(&mut self.attempts))
            .await
            .is_err()
        {
            tracing::info!(
                running = self.attempts.len(),
                "the remaining attempts are given back and run again after the next start"
            );
            self.release.send_replace(true);
            // A store that fails must not delay the shutdown: the next start takes back what it does
            // not know.
            let _ = timeout(OUTAGE.1, join_all(&mut self.attempts)).await;
        }
    }
}

async fn join_all(attempts: &mut JoinSet<Lease>) {
    while attempts.join_next().await.is_some() {}
}
