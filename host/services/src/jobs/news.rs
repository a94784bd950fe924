//! Who waits for a job is told when it changes, and the worker when there may be something to
//! claim.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::job::JobId;
use tokio::sync::{Notify, watch};

/// The news board of this process. It says that something changed; what it is stands in the store.
#[derive(Default)]
pub(super) struct News {
    /// The jobs somebody waits for, and whether the attempt of each should end.
    jobs: Mutex<HashMap<JobId, watch::Sender<bool>>>,
    /// A worker that does not listen at this moment finds the call when it does.
    work: Notify,
}

/// A place at the board. Leaving takes the job off it if nobody else waits for it.
pub(super) struct Listener {
    news: Arc<News>,
    id: JobId,
    /// The board keeps the other end for as long as this listens.
    changes: watch::Receiver<bool>,
}

/// Calls the worker when it is dropped. A client that hangs up drops what it waits for, yet the
/// store does what was queued; and what the worker then asks of the store comes after that.
pub(super) struct Call<'a>(&'a News);

impl News {
    /// From here on no change of the job is missed.
    pub(super) fn listen(self: &Arc<Self>, id: JobId) -> Listener {
        let changes = self.jobs().entry(id).or_default().subscribe();
        Listener {
            news: Arc::clone(self),
            id,
            changes,
        }
    }

    /// The job changed.
    pub(super) fn changed(&self, id: JobId) {
        self.post(id, |_| ());
    }

    /// An attempt of the job began: what was asked of the one before does not concern it.
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

    /// The same, once the caller's doing is over, whatever its end.
    pub(super) fn work_added_afterwards(&self) -> Call<'_> {
        Call(self)
    }

    /// Returns after the next [`News::work_added`], at once if there was one since the last call.
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
        // It fails only without a board.
        let _ = self.changes.changed().await;
    }

    /// Waits until the attempt should end, which may be so already.
    pub(super) async fn cancelled(&mut self) {
        let _ = self.changes.wait_for(|cancel| *cancel).await;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.work_added();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut jobs = self.news.jobs();
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
    async fn a_change_reaches_all_who_wait_and_nobody_is_kept() {
        let (news, id) = (Arc::new(News::default()), JobId::fresh());
        let (mut first, mut second) = (news.listen(id), news.listen(id));
        news.cancelled(JobId::fresh());
        news.changed(id);
        first.changed().await;
        second.changed().await;
        drop(first);
        news.changed(id);
        second.changed().await;
        drop(second);
        assert!(news.jobs().is_empty());
    }

    #[tokio::test]
    async fn a_cancel_is_not_covered_by_a_later_change() {
        let (news, id) = (Arc::new(News::default()), JobId::fresh());
        let mut listener = news.listen(id);
        news.cancelled(id);
        news.changed(id);
        listener.cancelled().await;
        news.begun(id);
        assert!(
            !*listener.changes.borrow(),
            "the next attempt was not asked to end"
        );
    }
}
