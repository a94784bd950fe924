//! Fails in `setup`, like a plugin whose dependency is missing.

use sdk::hayrick::pipeline::types::FailureKind;
use sdk::{Outcome, failure};

async fn setup() -> Outcome {
    Err(failure(FailureKind::Unavailable, "no database"))
}

sdk::serve!(setup: setup, chat: guests::silent);
