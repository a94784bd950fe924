//! The end of a run from inside a call of the host.

use hayrick_types::failure::Failure;

/// Ends a run from inside a host call: the failure is the run's outcome, whatever the guest would
/// have done next.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RunEnded(pub Failure);
