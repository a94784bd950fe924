//! Fails in `setup`, as a plugin does that misses what it needs.

use guests::hayrick::pipeline::types::FailureKind;
use guests::{Outcome, failure};

async fn setup() -> Outcome {
    Err(failure(FailureKind::Unavailable, "no database"))
}

guests::serve!(guests::silent, setup);
