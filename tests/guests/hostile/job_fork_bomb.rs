//! A job that submits two more like itself.

use hostile::{Report, shown};
use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::{Attempt, ChatRequest, JobOutcome, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    let job = jobs::submit("fork".to_owned(), "1".to_owned(), SubmitOptions::default()).await;
    report.tried("submit", job.map(|job| job.id).map_err(shown));
    report.send().await
}

async fn job(_attempt: Attempt) -> JobOutcome {
    for _ in 0..2 {
        jobs::submit("fork".to_owned(), "1".to_owned(), SubmitOptions::default()).await?;
    }
    Ok("1".to_owned())
}

sdk::serve!(chat: chat, job: job);
