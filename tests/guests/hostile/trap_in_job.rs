//! Panics in every attempt at a job.

use sdk::{Attempt, JobOutcome};

async fn job(_attempt: Attempt) -> JobOutcome {
    panic!("this job panics")
}

sdk::serve!(job: job);
