//! A job that cancels itself and still returns a result.

use sdk::hayrick::pipeline::{jobs, timers};
use sdk::{Attempt, JobOutcome};

async fn job(attempt: Attempt) -> JobOutcome {
    jobs::cancel(attempt.id).await?;
    timers::sleep(200).await;
    Ok("\"IN REACH\"".to_owned())
}

sdk::serve!(job: job);
