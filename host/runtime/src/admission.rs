//! Limits how many runs execute at a time, and how many may wait.

use std::sync::Arc;
use std::time::Duration;

use hayrick_capabilities::plugin_share::PluginShare;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::limits::Limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// When a refused client may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The places for the runs of one plugin. Each run also takes one of the places of the host.
pub(crate) struct Admission {
    plugin: Arc<Semaphore>,
    host: Arc<Semaphore>,
    share: Arc<PluginShare>,
    runs_max: usize,
    queue_max: usize,
    queue_time_max: Duration,
}

/// A place, held for the duration of a run.
pub(crate) struct Place {
    _plugin: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

/// Leaves the queue when dropped.
struct Waiting<'a>(&'a PluginShare);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.metrics().unqueue();
    }
}

impl Admission {
    /// Creates the places of a plugin with these limits.
    pub(crate) fn new(limits: &Limits, host: Arc<Semaphore>, share: Arc<PluginShare>) -> Admission {
        Admission {
            plugin: Arc::new(Semaphore::new(limits.plugin_runs_max)),
            host,
            share,
            runs_max: limits.plugin_runs_max,
            queue_max: limits.plugin_queue_max,
            queue_time_max: limits.queue_time_max,
        }
    }

    /// Whether it was created with these limits.
    pub(crate) fn has_limits(&self, limits: &Limits) -> bool {
        let current = (self.runs_max, self.queue_max, self.queue_time_max);
        current
            == (
                limits.plugin_runs_max,
                limits.plugin_queue_max,
                limits.queue_time_max,
            )
    }

    /// Takes a place. If none is free, waits in the bounded queue.
    ///
    /// # Errors
    /// `limit`, with a time to retry after, if the queue is full or the wait takes too long.
    pub(crate) async fn admit(&self) -> Result<Place, Failure> {
        if let Some(place) = self.free_place() {
            return Ok(place);
        }
        let _waiting = self.queue()?;
        let place = tokio::time::timeout(self.queue_time_max, self.next_place()).await;
        place
            .ok()
            .flatten()
            .ok_or_else(|| self.refusal("no place became free in time", LimitName::QueueTimeMax))
    }

    fn free_place(&self) -> Option<Place> {
        let plugin = Arc::clone(&self.plugin).try_acquire_owned().ok()?;
        let host = Arc::clone(&self.host).try_acquire_owned().ok()?;
        Some(Place {
            _plugin: plugin,
            _host: host,
        })
    }

    fn queue(&self) -> Result<Waiting<'_>, Failure> {
        let is_plugin_full = self.plugin.available_permits() == 0;
        self.share.metrics().reached(if is_plugin_full {
            LimitName::PluginRunsMax
        } else {
            LimitName::HostRunsMax
        });
        let before = self.share.metrics().queue();
        let waiting = Waiting(&self.share);
        let has_room = usize::try_from(before).is_ok_and(|before| before < self.queue_max);
        if has_room {
            Ok(waiting)
        } else {
            Err(self.refusal("the queue is full", LimitName::PluginQueueMax))
        }
    }

    async fn next_place(&self) -> Option<Place> {
        let plugin = Arc::clone(&self.plugin).acquire_owned().await.ok()?;
        let host = Arc::clone(&self.host).acquire_owned().await.ok()?;
        Some(Place {
            _plugin: plugin,
            _host: host,
        })
    }

    fn refusal(&self, reason: &str, limit: LimitName) -> Failure {
        self.share.metrics().reached(limit);
        let text = format!(
            "too many runs at a time, and {reason}: plugin_runs_max is {}, plugin_queue_max is {}; \
             try again",
            self.runs_max, self.queue_max
        );
        Failure::new(FailureKind::Limit, text)
            .limit(limit)
            .retry_after(RETRY_AFTER)
    }
}
