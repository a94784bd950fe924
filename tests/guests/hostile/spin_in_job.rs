//! Computes forever in a job.

use std::hint::black_box;

use sdk::{Attempt, JobOutcome};

async fn job(_attempt: Attempt) -> JobOutcome {
    loop {
        black_box(());
    }
}

sdk::serve!(job: job);
