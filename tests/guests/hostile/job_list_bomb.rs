//! Lists its jobs, each with a large result, many times concurrently: the requests are small, but
//! the host's responses are not.

use futures_util::future::join_all;
use hostile::Report;
use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::{Attempt, ChatRequest, JobOutcome, Outcome};

const JOBS: usize = 24;
const LISTS: usize = 400;

async fn chat(_request: ChatRequest) -> Outcome {
    let submit = |_| jobs::submit("large".to_owned(), "1".to_owned(), SubmitOptions::default());
    for submitted in join_all((0..JOBS).map(submit)).await {
        jobs::wait(submitted?.id, Some(5000)).await?;
    }
    let lists = join_all((0..LISTS).map(|_| jobs::list(None, u32::MAX))).await;
    let mut report = Report::default();
    report.tried("list", Ok::<_, String>(lists.len().to_string()));
    report.send().await
}

async fn job(_attempt: Attempt) -> JobOutcome {
    Ok(format!("\"{}\"", "x".repeat(3 << 20)))
}

sdk::serve!(chat: chat, job: job);
