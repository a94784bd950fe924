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

/// How many runs of a plugin execute and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunPlaces {
    runs_max: usize,
    /// The limit that `runs_max` comes from.
    runs_limit: LimitName,
    queue_max: usize,
    queue_time_max: Duration,
}

impl RunPlaces {
    /// Those of a plugin with these limits, each of whose runs begins with `memory_bytes` of linear
    /// memory: a run that would find no memory at its start waits instead.
    pub(crate) fn of(limits: &Limits, memory_bytes: usize) -> RunPlaces {
        let fit = limits
            .plugin_memory_bytes_max
            .checked_div(memory_bytes)
            .unwrap_or(usize::MAX)
            .max(1);
        let (runs_max, runs_limit) = if fit < limits.plugin_runs_max {
            (fit, LimitName::PluginMemoryBytesMax)
        } else {
            (limits.plugin_runs_max, LimitName::PluginRunsMax)
        };
        RunPlaces {
            runs_max,
            runs_limit,
            queue_max: limits.plugin_queue_max,
            queue_time_max: limits.queue_time_max,
        }
    }
}

/// The places for the runs of one plugin. Each run also takes one of the places of the host.
pub(crate) struct Admission {
    plugin: Arc<Semaphore>,
    host: Arc<Semaphore>,
    share: Arc<PluginShare>,
    places: RunPlaces,
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
    /// Creates these places.
    pub(crate) fn new(
        places: RunPlaces,
        host: Arc<Semaphore>,
        share: Arc<PluginShare>,
    ) -> Admission {
        Admission {
            plugin: Arc::new(Semaphore::new(places.runs_max)),
            host,
            share,
            places,
        }
    }

    /// Its places.
    pub(crate) fn places(&self) -> RunPlaces {
        self.places
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
        let place = tokio::time::timeout(self.places.queue_time_max, self.next_place()).await;
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
            self.places.runs_limit
        } else {
            LimitName::HostRunsMax
        });
        let before = self.share.metrics().queue();
        let waiting = Waiting(&self.share);
        let has_room = usize::try_from(before).is_ok_and(|before| before < self.places.queue_max);
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
        let RunPlaces {
            runs_max,
            runs_limit,
            queue_max,
            ..
        } = self.places;
        let text = format!(
            "too many runs at a time, and {reason}: {runs_limit} allows {runs_max} runs, \
             plugin_queue_max is {queue_max}; try again"
        );
        Failure::new(FailureKind::Limit, text)
            .limit(limit)
            .retry_after(RETRY_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_would_find_no_memory_have_no_place() {
        let limits = Limits {
            plugin_runs_max: 100,
            plugin_memory_bytes_max: 10,
            ..Limits::default()
        };
        let of = |memory| {
            let places = RunPlaces::of(&limits, memory);
            (places.runs_max, places.runs_limit)
        };
        assert_eq!(of(4), (2, LimitName::PluginMemoryBytesMax));
        assert_eq!(of(40), (1, LimitName::PluginMemoryBytesMax));
        assert_eq!(of(0), (100, LimitName::PluginRunsMax));
    }
}
