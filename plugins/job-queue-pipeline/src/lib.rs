//! Submits the question of a chat as a job, reports the status of jobs, and runs them.

mod command;
mod task;
mod work;

use command::{Command, Submission, job_data};
use sdk::hayrick::pipeline::jobs::{self, Job, Status, SubmitOptions};
use sdk::hayrick::pipeline::types::{Chunk, Failure, FailureKind, Options};
use sdk::hayrick::pipeline::{llm, response};
use sdk::{ChatRequest, Outcome, failure, invalid_input, question, say};
use serde_json::{Value, json};

async fn chat(request: ChatRequest) -> Outcome {
    match Command::parse(&request.body).map_err(invalid_input)? {
        Command::Job(submission) => submit(submission, question(&request.messages)?).await,
        Command::Status { id } => report_status(id).await,
        Command::Answer => answer(question(&request.messages)?).await,
    }
}

async fn submit(submission: Submission, question: String) -> Outcome {
    let Submission {
        kind,
        idempotency_key,
        fields,
    } = submission;
    let options = SubmitOptions {
        idempotency_key,
        ..SubmitOptions::default()
    };
    let job = jobs::submit(kind, job_data(question, fields), options).await?;
    response::send(Chunk::Fields(json!({ "job_id": job.id }).to_string())).await?;
    say(format!("Job submitted with ID: {}", job.id)).await?;
    say("\nUse the job status endpoint to check progress").await
}

async fn report_status(id: String) -> Outcome {
    let job = jobs::get(id).await?.ok_or_else(no_such_job)?;
    say(status_line(job)).await
}

fn no_such_job() -> Failure {
    failure(FailureKind::NotFound, "Job not found")
}

/// The status of a job as a line of text.
fn status_line(job: Job) -> String {
    match job.status {
        Status::Completed => format!(
            "Job completed: {}",
            job.result.map(text_of).unwrap_or_default()
        ),
        Status::Failed => format!(
            "Job failed: {}",
            job.error.as_deref().unwrap_or("Unknown error")
        ),
        Status::Pending => "Job status: pending".to_owned(),
        Status::Running => "Job status: running".to_owned(),
        Status::Cancelled => "Job status: cancelled".to_owned(),
    }
}

/// The text of a JSON string; any other result unchanged.
fn text_of(result: String) -> String {
    match serde_json::from_str(&result) {
        Ok(Value::String(text)) => text,
        _ => result,
    }
}

async fn answer(question: String) -> Outcome {
    let prompt = work::prompt(&question, "chat", &[]);
    let answer = llm::generate_stream(vec![prompt], Options::default()).await?;
    response::forward(answer).await
}

sdk::serve!(chat: chat, job: work::run);
