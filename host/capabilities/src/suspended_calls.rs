//! Limits the calls between the components of one run that are suspended at a time. Each keeps a
//! stack of the pool that all runs share.
//!
//! The engine reports each entry into a guest. An entry that has not returned while another one
//! begins is suspended, or is below it on the same stack: a host function that allocates memory in
//! the guest enters it a second time. So the first two entries of a run are free.

use std::sync::Arc;
use std::time::Duration;

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::limits::Limits;

use crate::plugin_share::{Full, PluginShare};
use crate::run_ended::RunEnded;

/// Entries of a run that take nothing from what the plugin and the host may use: the pool has a
/// stack for each of them.
pub const FREE: usize = 2;
/// When to retry a run that got no stack.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The suspended calls of one run.
#[derive(Debug)]
pub struct SuspendedCalls {
    share: Arc<PluginShare>,
    max: usize,
    plugin_max: usize,
    entered: usize,
}

impl Drop for SuspendedCalls {
    fn drop(&mut self) {
        let counted = self.entered.saturating_sub(FREE);
        self.share.suspended_calls().give_back(counted);
    }
}

impl SuspendedCalls {
    /// Those of one run among the runs of the plugin that `share` belongs to.
    pub fn new(limits: &Limits, share: Arc<PluginShare>) -> SuspendedCalls {
        SuspendedCalls {
            share,
            max: limits.suspended_calls_max,
            plugin_max: limits.plugin_suspended_calls_max,
            entered: 0,
        }
    }

    /// The guest is entered.
    ///
    /// # Errors
    /// A limit is reached: [`RunEnded`] with its name. [`SuspendedCalls::leave`] follows only a
    /// success.
    pub fn enter(&mut self) -> wasmtime::Result<()> {
        if self.entered >= FREE {
            self.take().map_err(|(limit, max)| ended(limit, max))?;
        }
        self.entered += 1;
        Ok(())
    }

    /// The guest has returned.
    pub fn leave(&mut self) {
        self.entered = self.entered.saturating_sub(1);
        if self.entered >= FREE {
            self.share.suspended_calls().give_back(1);
        }
    }

    fn take(&self) -> Result<(), (LimitName, usize)> {
        if self.entered >= self.max {
            return Err((LimitName::SuspendedCallsMax, self.max));
        }
        let taken = self.share.suspended_calls().take(1, self.plugin_max);
        taken.map_err(|full| match full {
            Full::Plugin => (LimitName::PluginSuspendedCallsMax, self.plugin_max),
            Full::Host(host_max) => (LimitName::HostSuspendedCallsMax, host_max),
        })
    }
}

fn ended(limit: LimitName, max: usize) -> wasmtime::Error {
    let (kind, subject, cure) = match limit {
        LimitName::SuspendedCallsMax => (FailureKind::Failed, "the plugin", ""),
        LimitName::PluginSuspendedCallsMax => {
            (FailureKind::Limit, "the runs of the plugin", ": try again")
        }
        _ => (FailureKind::Limit, "all plugins together", ": try again"),
    };
    let text =
        format!("{subject} needed more than {max} suspended calls at a time ({limit}){cure}");
    let failure = Failure::new(kind, text).limit(limit);
    RunEnded(match kind {
        FailureKind::Limit => failure.retry_after(RETRY_AFTER),
        _ => failure,
    })
    .into()
}

#[cfg(test)]
mod tests {
    use hayrick_services::metrics::Metrics;

    use super::*;
    use crate::plugin_share::HostMax;

    fn runs_of(host: &Metrics, name: &str) -> impl FnMut() -> SuspendedCalls + use<> {
        let host_max = HostMax {
            memory_bytes: 0,
            suspended_calls: 5,
        };
        let share = PluginShare::new(host.clone(), &name.into(), host_max);
        let limits = Limits {
            suspended_calls_max: 6,
            plugin_suspended_calls_max: 4,
            ..Limits::default()
        };
        move || SuspendedCalls::new(&limits, Arc::clone(&share))
    }

    fn limit_of(entered: wasmtime::Result<()>) -> Option<LimitName> {
        let error = entered.unwrap_err();
        error.downcast::<RunEnded>().unwrap().0.limit
    }

    #[test]
    fn a_run_a_plugin_and_the_host_have_a_limit_each() {
        let host = Metrics::default();
        let (mut attacker, mut other) = (runs_of(&host, "attacker"), runs_of(&host, "other"));
        let mut run = attacker();
        for _ in 0..6 {
            run.enter().unwrap();
        }
        assert_eq!(limit_of(run.enter()), Some(LimitName::SuspendedCallsMax));

        let mut second = attacker();
        second.enter().unwrap();
        second.enter().unwrap();
        assert_eq!(
            limit_of(second.enter()),
            Some(LimitName::PluginSuspendedCallsMax)
        );

        let mut neighbour = other();
        for _ in 0..3 {
            neighbour.enter().unwrap();
        }
        assert_eq!(
            limit_of(neighbour.enter()),
            Some(LimitName::HostSuspendedCallsMax)
        );
        run.leave();
        neighbour.enter().unwrap();
        drop((run, second, neighbour));
        assert_eq!(host.suspended_calls().count(), 0);
    }
}
