//! An error that ends a run from inside a host call.

use hayrick_types::failure::Failure;

/// Ends the run. The failure becomes the outcome of the run, and the guest cannot handle it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RunEnded(pub Failure);
