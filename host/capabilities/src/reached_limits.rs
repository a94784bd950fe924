//! Counts the limits that a run reaches. Each refusal counts once, wherever its failure goes
//! afterwards.
//!
//! A failure with a limit leaves the host in one of two ways: the guest gets it, or it ends the
//! run. Whether the guest then returns or handles the failure does not change the count.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use hayrick_types::failure::Failure;
use hayrick_types::limit_name::LimitName;

use crate::bindings::hayrick::pipeline::types;
use crate::convert;
use crate::plugin_share::PluginShare;

/// The limits that one run has reached. A cheap handle.
#[derive(Debug, Clone)]
pub struct ReachedLimits {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    share: Arc<PluginShare>,
    counted: Mutex<BTreeSet<LimitName>>,
}

impl ReachedLimits {
    /// Starts with no limits. `share` belongs to the plugin, whose metrics count them.
    pub fn new(share: Arc<PluginShare>) -> ReachedLimits {
        ReachedLimits {
            inner: Arc::new(Inner {
                share,
                counted: Mutex::default(),
            }),
        }
    }

    /// Converts the outcome of a call for the guest, and counts the limit if one was reached.
    pub(crate) fn for_guest<T, E: Into<Failure>>(
        &self,
        outcome: Result<T, E>,
    ) -> Result<T, types::Failure> {
        outcome.map_err(|error| {
            let failure = error.into();
            self.count_refusal(&failure);
            convert::failure_for_guest(failure)
        })
    }

    /// Counts the limit of a failure that the guest gets.
    pub(crate) fn count_refusal(&self, failure: &Failure) {
        if let Some(limit) = failure.limit {
            self.insert(limit);
            self.inner.share.metrics().reached(limit);
        }
    }

    /// Counts the limit that ended the run, unless the run has already reached it before.
    pub fn count_end(&self, limit: Option<LimitName>) {
        if let Some(limit) = limit
            && self.insert(limit)
        {
            self.inner.share.metrics().reached(limit);
        }
    }

    /// Converts a failure that the guest returned. Its limit is kept only if the run has reached
    /// it: the guest could have made up any other name.
    pub fn from_guest(&self, failure: types::Failure) -> Failure {
        let limit = failure.limit.as_deref().and_then(|name| {
            let counted = self.counted();
            counted.iter().copied().find(|it| it.as_str() == name)
        });
        Failure {
            limit,
            ..convert::failure_of_guest(failure)
        }
    }

    /// Adds a limit, and returns whether it is new.
    fn insert(&self, limit: LimitName) -> bool {
        self.counted().insert(limit)
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, BTreeSet<LimitName>> {
        self.inner
            .counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
