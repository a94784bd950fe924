//! A job whose result is nested a hundred thousand levels deep.

use hostile::deep_json;
use sdk::{Attempt, JobOutcome};

async fn job(_attempt: Attempt) -> JobOutcome {
    Ok(deep_json(100_000))
}

sdk::serve!(job: job);
