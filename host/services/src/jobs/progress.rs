//! Limits how often the progress of an attempt is written. Of the reports in between, the newest is
//! written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hayrick_types::job::{Lease, Progress};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::jobs::error::JobError;
use crate::jobs::notifier::Notifier;
use crate::jobs::store::JobStore;

/// The reports of all attempts of this process.
pub(super) struct Reports {
    writer: Arc<ProgressWriter>,
    /// Tasks that wait to write what came too soon. They end with this.
    late: Mutex<JoinSet<()>>,
}

struct ProgressWriter {
    store: Arc<dyn JobStore>,
    notifier: Arc<Notifier>,
    interval: Duration,
    attempts: Mutex<HashMap<Lease, Pace>>,
}

/// When an attempt last reported, and what waits.
struct Pace {
    written_at: Instant,
    /// Came too soon; a task will write it.
    waiting: Option<Progress>,
}

/// What to do with a report.
enum Turn {
    Now(Progress),
    At(Instant),
    /// Another report waits already, and was replaced by this one.
    Follows,
}

impl Reports {
    pub(super) fn new(
        store: Arc<dyn JobStore>,
        notifier: Arc<Notifier>,
        interval: Duration,
    ) -> Reports {
        Reports {
            writer: Arc::new(ProgressWriter {
                store,
                notifier,
                interval,
                attempts: Mutex::default(),
            }),
            late: Mutex::default(),
        }
    }

    /// Takes a report. One that comes too soon stays in memory, and is lost if the host dies before
    /// it is written.
    pub(super) async fn report(&self, lease: Lease, progress: Progress) -> Result<(), JobError> {
        match self.writer.turn(lease, progress) {
            Turn::Now(progress) => self.writer.write(lease, progress).await,
            Turn::At(time) => {
                self.write_later(lease, time);
                Ok(())
            }
            Turn::Follows => Ok(()),
        }
    }

    /// Writes what waits: the attempt is about to end.
    pub(super) async fn flush(&self, lease: Lease) -> Result<(), JobError> {
        match self.forget(lease) {
            Some(progress) => self.writer.write(lease, progress).await,
            None => Ok(()),
        }
    }

    /// Forgets an attempt that has ended, and returns what was not written.
    pub(super) fn forget(&self, lease: Lease) -> Option<Progress> {
        self.writer.attempts().remove(&lease)?.waiting
    }

    fn write_later(&self, lease: Lease, time: Instant) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        while late.try_join_next().is_some() {}
        let writer = Arc::clone(&self.writer);
        late.spawn(async move {
            tokio::time::sleep_until(time).await;
            writer.write_waiting(lease).await;
        });
    }
}

impl ProgressWriter {
    fn turn(&self, lease: Lease, progress: Progress) -> Turn {
        let now = Instant::now();
        let mut attempts = self.attempts();
        let Some(pace) = attempts.get_mut(&lease) else {
            attempts.insert(
                lease,
                Pace {
                    written_at: now,
                    waiting: None,
                },
            );
            return Turn::Now(progress);
        };
        let next = pace.written_at + self.interval;
        if pace.waiting.is_some() {
            pace.waiting = Some(progress);
            Turn::Follows
        } else if next > now {
            pace.waiting = Some(progress);
            Turn::At(next)
        } else {
            pace.written_at = now;
            Turn::Now(progress)
        }
    }

    async fn write_waiting(&self, lease: Lease) {
        let waiting = self.attempts().get_mut(&lease).and_then(|pace| {
            pace.written_at = Instant::now();
            pace.waiting.take()
        });
        let Some(progress) = waiting else { return };
        if let Err(error) = self.write(lease, progress).await {
            tracing::warn!(job = %lease.id, %error, "a late progress report was not saved");
        }
    }

    async fn write(&self, lease: Lease, progress: Progress) -> Result<(), JobError> {
        let written = self.store.report(lease, progress).await;
        match &written {
            Ok(()) => self.notifier.changed(lease.id),
            Err(JobError::Lost { .. }) => drop(self.attempts().remove(&lease)),
            Err(_) => {}
        }
        written
    }

    fn attempts(&self) -> MutexGuard<'_, HashMap<Lease, Pace>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
