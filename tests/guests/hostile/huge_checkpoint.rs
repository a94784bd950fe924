//! Leaves checkpoints that are as large as its memory, deeply nested or not JSON, and notes the
//! results.

use hostile::{deep_json, huge, shown};
use sdk::hayrick::pipeline::jobs::checkpoint;
use sdk::{Attempt, JobFailure, JobOutcome};

async fn job(_attempt: Attempt) -> JobOutcome {
    for (name, state) in [
        ("deep", deep_json(100_000)),
        ("not-json", "{".to_owned()),
        ("huge", format!("\"{}\"", huge())),
    ] {
        match checkpoint(state).await.map_err(shown) {
            Err(error) => sdk::hayrick::pipeline::tasks::note(&format!("{name}: denied: {error}")),
            Ok(()) if name == "deep" => {}
            Ok(()) => return Err(JobFailure::Permanent(format!("{name}: IN REACH"))),
        }
    }
    Ok("\"denied\"".to_owned())
}

sdk::serve!(job: job);
