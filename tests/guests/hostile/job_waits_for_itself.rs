//! A job that waits for its own end.

use sdk::hayrick::pipeline::jobs;
use sdk::{Attempt, JobOutcome};

async fn job(attempt: Attempt) -> JobOutcome {
    let job = jobs::wait(attempt.id, None).await?;
    Ok(format!("\"{:?}\"", job.status))
}

sdk::serve!(job: job);
