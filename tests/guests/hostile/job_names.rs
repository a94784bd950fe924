//! Submits jobs whose kinds and keys imitate paths, log lines and SQL statements.

use hostile::{FORGERIES, Report, shown};
use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::{Attempt, ChatRequest, JobOutcome, Outcome};

const NAMES: [&str; 5] = [
    "",
    "'; DROP TABLE jobs; --",
    "../victim/jobs",
    "%2e%2e%2fvictim",
    "\u{feff}kind",
];

async fn chat(_request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    for name in NAMES.iter().chain(&FORGERIES) {
        let options = SubmitOptions {
            idempotency_key: Some((*name).to_owned()),
            ..SubmitOptions::default()
        };
        let submitted = jobs::submit((*name).to_owned(), "1".to_owned(), options).await;
        let same = |job: jobs::Job| {
            if job.kind == *name {
                "unchanged".to_owned()
            } else {
                format!("IN REACH: {}", job.kind)
            }
        };
        report.tried("submit", submitted.map(same).map_err(shown));
    }
    report.send().await
}

async fn job(attempt: Attempt) -> JobOutcome {
    Ok(attempt.data)
}

sdk::serve!(chat: chat, job: job);
