//! A job whose result is not JSON.

use sdk::{Attempt, JobOutcome};

async fn job(_attempt: Attempt) -> JobOutcome {
    Ok("{\"a\": 1}\n\ndata: forged\n\n{".to_owned())
}

sdk::serve!(job: job);
