//! Behaves well, and keeps a secret in its state, in a job and in a note on its run.

use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::hayrick::pipeline::{state, tasks};
use sdk::{Attempt, ChatRequest, JobOutcome, Outcome, say};

const SECRET: &str = "VICTIM-SECRET";

async fn chat(_request: ChatRequest) -> Outcome {
    for key in ["key", "victim/key", "a\u{0}b", "caf\u{e9}"] {
        state::set(key.to_owned(), SECRET.into(), None).await?;
    }
    tasks::note(SECRET);
    let options = SubmitOptions {
        idempotency_key: Some("key".to_owned()),
        ..SubmitOptions::default()
    };
    let job = jobs::submit("secret".to_owned(), format!("\"{SECRET}\""), options).await?;
    say(job.id).await
}

async fn job(attempt: Attempt) -> JobOutcome {
    Ok(attempt.data)
}

sdk::serve!(chat: chat, job: job);
