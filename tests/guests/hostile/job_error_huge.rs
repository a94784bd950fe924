//! A job that fails with ten mebibytes of text and asks to be retried immediately, forever.

use hostile::FORGERIES;
use sdk::{Attempt, JobFailure, JobOutcome, Retry};

async fn job(_attempt: Attempt) -> JobOutcome {
    let text = FORGERIES.concat();
    Err(JobFailure::Retry(Retry {
        error: text.repeat((10 << 20) / text.len()),
        delay: Some(0),
    }))
}

sdk::serve!(job: job);
