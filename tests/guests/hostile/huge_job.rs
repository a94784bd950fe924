//! Submits a job whose kind, data or key is as large as its memory, or whose times are out of
//! range.

use hostile::{Report, client_text, deep_json, huge, shown};
use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::{Attempt, ChatRequest, JobOutcome, Outcome};

async fn chat(request: ChatRequest) -> Outcome {
    let small = || ("kind".to_owned(), "1".to_owned(), SubmitOptions::default());
    let (_, data, options) = small();
    let (kind, data, options) = match client_text(&request).as_str() {
        "kind" => (huge(), data, options),
        "data" => ("kind".to_owned(), format!("\"{}\"", huge()), options),
        "deep" => ("kind".to_owned(), deep_json(100_000), options),
        "not-json" => ("kind".to_owned(), "{\"a\":".to_owned(), options),
        "key" => (
            "kind".to_owned(),
            data,
            SubmitOptions {
                idempotency_key: Some(huge()),
                ..options
            },
        ),
        _ => {
            let mut options = SubmitOptions {
                delay: Some(u64::MAX),
                timeout: Some(u64::MAX),
                ..options
            };
            (options.max_attempts, options.priority) = (Some(u32::MAX), Some(i16::MIN));
            ("kind".to_owned(), data, options)
        }
    };
    let mut report = Report::default();
    report.tried(
        "submit",
        jobs::submit(kind, data, options)
            .await
            .map(|job| job.id)
            .map_err(shown),
    );
    report.send().await
}

async fn job(attempt: Attempt) -> JobOutcome {
    Ok(attempt.data)
}

sdk::serve!(chat: chat, job: job);
