//! The loop that claims jobs and looks after their attempts.

use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hayrick_runtime::runtime::Runtime;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::jobs::store::{Claim, Notice};
use hayrick_services::state::State;
use hayrick_types::job::{AttemptEnd, Claimed, JobStatus, Lease, OwnerId};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::attempt::Desk;
use crate::config::WorkerConfig;
use crate::places::Places;
use crate::upkeep;

/// Before a store that failed is asked again; it doubles up to the second value.
const OUTAGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// Where no job has a time of its own, the store is looked at this often all the same.
const IDLE: Duration = Duration::from_secs(60);

/// Works on the jobs of one store. There is one a process.
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
    /// Takes back at once what an earlier process left running. Called inside a tokio runtime.
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
                    tracing::error!(job = %id, pipeline, crashes, "the host died while it ran this job once too often: it has failed")
                }
                _ => {
                    tracing::warn!(job = %id, pipeline, crashes, "the host died while it ran this job: it runs again")
                }
            }
        }
        let upkeep = AbortOnDropHandle::new(tokio::spawn(upkeep::run(
            jobs.clone(),
            state,
            config.upkeep_interval,
        )));
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

    /// Works until `stop`; then begins nothing, lets attempts end for up to `drain_deadline`, and
    /// gives the rest back: they do not count, and run again when the host is up.
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
                    tracing::error!(%error, "no job can be claimed: trying again");
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
            // Attempts end together, as one commit takes them all: one claim is to fill all their
            // places.
            while let Some(ended) = self.attempts.try_join_next() {
                self.ended(ended).await;
            }
        }
        self.drain(drain_deadline).await;
    }

    /// Begins as many attempts as there are places and jobs; how long there is nothing more to
    /// begin, as far as that is known.
    async fn fill_places(&mut self) -> Result<Duration, JobError> {
        let slots = self.places.free();
        let wanted = self.places.free_of(self.runtime.job_pipelines());
        if slots == 0 || wanted.is_empty() {
            // The end of an attempt, or a new version, makes a place.
            return Ok(IDLE);
        }
        let claim = Claim {
            owner: self.owner,
            wanted,
            slots,
            lease: self.config.lease,
        };
        for claimed in self.jobs.claim(claim).await? {
            self.begin(claimed);
        }
        let due = self.jobs.next_due().await?;
        Ok(due
            .map_or(IDLE, |due| {
                Duration::from_millis(due.saturating_sub(unix_milliseconds()))
            })
            .min(IDLE))
    }

    fn begin(&mut self, claimed: Claimed) {
        let desk = Desk {
            jobs: self.jobs.clone(),
            runtime: self.runtime.clone(),
            release: self.release.subscribe(),
        };
        let (lease, pipeline) = (claimed.lease(), claimed.job.pipeline.clone());
        let task = self.attempts.spawn(desk.work(claimed));
        self.places.take(lease, pipeline, task);
    }

    async fn ended(&mut self, ended: Result<Lease, JoinError>) {
        match ended {
            Ok(lease) => self.places.give_back(lease),
            Err(error) => {
                let fault = "the host failed to run this job: its log says why";
                for lease in self.places.give_back_finished() {
                    tracing::error!(job = %lease.id, %error, "the task of an attempt ended without a word");
                    let end = AttemptEnd::Retry {
                        error: fault.to_owned(),
                        delay: None,
                    };
                    // An attempt that was ended because it had lost its job is refused here, and
                    // rightly.
                    if let Err(error) = self.jobs.finish(lease, end).await {
                        tracing::warn!(job = %lease.id, %error, "its outcome was not taken");
                    }
                }
            }
        }
    }

    /// Says that the attempts go on, and ends those that should not. What was to be cancelled
    /// learns it from the queue.
    async fn beat(&mut self) {
        let held = self.places.leases();
        if held.is_empty() {
            return;
        }
        match self
            .jobs
            .heartbeat(self.owner, held, self.config.lease)
            .await
        {
            Ok(notices) => {
                for notice in notices {
                    if let Notice::Lost(lease) = notice {
                        self.places.abort(lease);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "the store did not take a heartbeat"),
        }
    }

    async fn drain(&mut self, deadline: Duration) {
        let running = self.attempts.len();
        if running > 0 {
            tracing::info!(running, "attempts of jobs have {deadline:?} to end");
        }
        if timeout(deadline, join_all(&mut self.attempts))
            .await
            .is_err()
        {
            tracing::info!(
                running = self.attempts.len(),
                "the rest is given back and runs again at the next start"
            );
            self.release.send_replace(true);
            // A store that takes nothing must not hold up the end: what it does not know is taken
            // back at the next start.
            let _ = timeout(OUTAGE.1, join_all(&mut self.attempts)).await;
        }
    }
}

async fn join_all(attempts: &mut JoinSet<Lease>) {
    while attempts.join_next().await.is_some() {}
}

fn unix_milliseconds() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
