//! A job whose result has ten mebibytes.

use sdk::{Attempt, JobOutcome};

async fn job(_attempt: Attempt) -> JobOutcome {
    Ok(format!("\"{}\"", "x".repeat(10 << 20)))
}

sdk::serve!(job: job);
