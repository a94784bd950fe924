//! Wakes those who wait for a job when it changes, and the worker when there may be something to
//! claim.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::job::JobId;
use tokio::sync::{Notify, watch};

/// The notifications of this process. They say that something changed; the store says what.
#[derive(Default)]
pub(super) struct Notifier {
    /// The jobs somebody waits for, and whether the attempt of each should end.
    jobs: Mutex<HashMap<JobId, watch::Sender<bool>>>,
    /// A worker that does not listen at this moment finds the notification later.
    work: Notify,
}

/// A subscription to one job. Dropping the last one forgets the job.
pub(super) struct Listener {
    notifier: Arc<Notifier>,
    id: JobId,
    /// The notifier keeps the sender for as long as this lives.
    changes: watch::Receiver<bool>,
}

/// Wakes the worker when it is dropped. A client that hangs up drops its future, yet the store
/// still does what was queued, and does it before what the worker then asks.
pub(super) struct NotifyOnDrop<'a>(&'a Notifier);

impl Notifier {
    /// From here on no change of the job is missed.
    pub(super) fn listen(self: &Arc<Self>, id: JobId) -> Listener {
        let changes = self.jobs().entry(id).or_default().subscribe();
        Listener {
            notifier: Arc::clone(self),
            id,
            changes,
        }
    }

    /// The job changed.
    pub(super) fn changed(&self, id: JobId) {
        self.post(id, |_| ());
    }

    /// An attempt of the job began: a cancel of the attempt before does not concern it.
    pub(super) fn begun(&self, id: JobId) {
        self.post(id, |cancel| *cancel = false);
    }

    /// The job's attempt should end.
    pub(super) fn cancelled(&self, id: JobId) {
        self.post(id, |cancel| *cancel = true);
    }

    fn post(&self, id: JobId, change: impl FnOnce(&mut bool)) {
        if let Some(job) = self.jobs().get(&id) {
            job.send_modify(change);
        }
    }

    /// There may be something to claim, or another time to wait for.
    pub(super) fn work_added(&self) {
        self.work.notify_one();
    }

    /// The same at the end of the caller's scope, whatever its outcome.
    pub(super) fn work_added_afterwards(&self) -> NotifyOnDrop<'_> {
        NotifyOnDrop(self)
    }

    /// Returns after the next [`Notifier::work_added`], at once if there was one since the last call.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, watch::Sender<bool>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Waits for a change after the last one seen.
    pub(super) async fn changed(&mut self) {
        // It fails only without a notifier.
        let _ = self.changes.changed().await;
    }

    /// Waits until the attempt should end, which may be so already.
    pub(super) async fn cancelled(&mut self) {
        let _ = self.changes.wait_for(|cancel| *cancel).await;
    }
}

impl Drop for NotifyOnDrop<'_> {
    fn drop(&mut self) {
        self.0.work_added();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut jobs = self.notifier.jobs();
        if jobs
            .get(&self.id)
            .is_some_and(|job| job.receiver_count() <= 1)
        {
            jobs.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_reaches_every_listener_and_none_is_left() {
        let (notifier, id) = (Arc::new(Notifier::default()), JobId::fresh());
        let (mut first, mut second) = (notifier.listen(id), notifier.listen(id));
        notifier.cancelled(JobId::fresh());
        notifier.changed(id);
        first.changed().await;
        second.changed().await;
        drop(first);
        notifier.changed(id);
        second.changed().await;
        drop(second);
        assert!(notifier.jobs().is_empty());
    }

    #[tokio::test]
    async fn a_cancel_survives_a_later_change() {
        let (notifier, id) = (Arc::new(Notifier::default()), JobId::fresh());
        let mut listener = notifier.listen(id);
        notifier.cancelled(id);
        notifier.changed(id);
        listener.cancelled().await;
        notifier.begun(id);
        assert!(
            !*listener.changes.borrow(),
            "the next attempt was not asked to end"
        );
    }
}
