//! Counts the limits that a run reaches, each refusal once, wherever its failure goes afterwards.
//!
//! A failure with a limit leaves the host on one of two ways: it is handed to the guest, or it ends
//! the run. What a guest does with the failure, passing it on or catching it, counts nothing more.

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
    /// None yet; `share` is that of the run's plugin, whose numbers they are added to.
    pub fn new(share: Arc<PluginShare>) -> ReachedLimits {
        ReachedLimits {
            inner: Arc::new(Inner {
                share,
                counted: Mutex::default(),
            }),
        }
    }

    /// The outcome of a call as the guest gets it; a limit that refused the call is counted.
    pub(crate) fn handed<T, E: Into<Failure>>(
        &self,
        outcome: Result<T, E>,
    ) -> Result<T, types::Failure> {
        outcome.map_err(|error| {
            let failure = error.into();
            self.refused(&failure);
            convert::failure_for_guest(failure)
        })
    }

    /// Counts the limit that the guest was refused by.
    pub(crate) fn refused(&self, failure: &Failure) {
        if let Some(limit) = failure.limit {
            self.insert(limit);
            self.inner.share.metrics().reached(limit);
        }
    }

    /// Counts the limit that the host ended the run for, unless the guest was refused by it before:
    /// then it has been counted.
    pub fn ended(&self, limit: Option<LimitName>) {
        if let Some(limit) = limit
            && self.insert(limit)
        {
            self.inner.share.metrics().reached(limit);
        }
    }

    /// A failure that the guest returned. It keeps a limit that the guest was refused by; any other
    /// name is the guest's invention.
    pub fn returned(&self, failure: types::Failure) -> Failure {
        let limit = failure.limit.as_deref().and_then(|name| {
            let counted = self.counted();
            counted.iter().copied().find(|it| it.as_str() == name)
        });
        Failure {
            limit,
            ..convert::failure_of_guest(failure)
        }
    }

    /// Whether this is the first time.
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
