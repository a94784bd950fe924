//! Jobs whose data is a small program, and a chat that runs the command in the last user message,
//! `verb:rest`, on the queue and sends the result as JSON.

use std::hint::black_box;

use sdk::hayrick::pipeline::jobs::{self, Job, Status, SubmitOptions};
use sdk::hayrick::pipeline::types::{Failure, Options, Progress};
use sdk::hayrick::pipeline::{llm, tasks, timers};
use sdk::{
    Attempt, ChatRequest, JobFailure, JobOutcome, Outcome, Retry, invalid_input, question, say,
    user_message,
};
use serde::Deserialize;
use serde_json::{Value, json};

const USAGE: &str = "write submit:JSON, get:ID, list:, list:STATUS, list:STATUS=LIMIT, cancel:ID, \
                     wait:ID, wait:ID=MILLISECONDS or checkpoint:JSON";
const LISTED_MAX: u32 = 1000;
const STATUS_NAMES: [(&str, Status); 5] = [
    ("pending", Status::Pending),
    ("running", Status::Running),
    ("completed", Status::Completed),
    ("failed", Status::Failed),
    ("cancelled", Status::Cancelled),
];

/// A job's data.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Program {
    Return {
        value: Value,
    },
    /// Asks the model, so that its upstream sees every attempt, and returns the question.
    Ask {
        text: String,
    },
    /// Fails with a retry.
    Fail {
        error: String,
        after_ms: Option<u64>,
    },
    Permanent {
        error: String,
    },
    Sleep {
        ms: u64,
    },
    /// Computes forever.
    Spin,
    Panic,
    /// Fails until attempt `until`, which returns its own number.
    CountAttempts {
        until: u32,
    },
    /// The first attempt leaves `state` as a checkpoint and fails; the next one returns it.
    Checkpoint {
        state: Value,
    },
    /// Reports each step, then waits.
    Progress {
        steps: u64,
        ms: u64,
    },
}

/// The JSON after `submit:`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submission {
    kind: Option<String>,
    data: Value,
    idempotency_key: Option<String>,
    delay_ms: Option<u64>,
    priority: Option<i16>,
    max_attempts: Option<u32>,
    timeout_ms: Option<u64>,
}

async fn run_job(attempt: Attempt) -> JobOutcome {
    let program = serde_json::from_str(&attempt.data)
        .map_err(|error| JobFailure::Permanent(format!("the data is not a program: {error}")))?;
    match program {
        Program::Return { value } => Ok(value.to_string()),
        Program::Ask { text } => {
            llm::generate(vec![user_message(&*text)], Options::default()).await?;
            Ok(json!(text).to_string())
        }
        Program::Fail { error, after_ms } => Err(retry(error, after_ms)),
        Program::Permanent { error } => Err(JobFailure::Permanent(error)),
        Program::Sleep { ms } => {
            timers::sleep(ms).await;
            Ok(json!(ms).to_string())
        }
        Program::Spin => loop {
            black_box(());
        },
        Program::Panic => panic!("this job panics in every attempt"),
        Program::CountAttempts { until } if attempt.number < until => {
            Err(retry(format!("attempt {}", attempt.number), Some(0)))
        }
        Program::CountAttempts { .. } => Ok(json!(attempt.number).to_string()),
        Program::Checkpoint { state } => leave_or_find(attempt.checkpoint, &state).await,
        Program::Progress { steps, ms } => take_steps(steps, ms).await,
    }
}

fn retry(error: String, delay: Option<u64>) -> JobFailure {
    JobFailure::Retry(Retry { error, delay })
}

async fn leave_or_find(checkpoint: Option<String>, state: &Value) -> JobOutcome {
    if let Some(checkpoint) = checkpoint {
        return Ok(checkpoint);
    }
    jobs::checkpoint(state.to_string()).await?;
    Err(retry("left a checkpoint".to_owned(), Some(0)))
}

async fn take_steps(steps: u64, ms: u64) -> JobOutcome {
    for step in 1..=steps {
        tasks::report(&Progress {
            done: step,
            total: Some(steps),
            message: Some(format!("step {step}")),
        });
        timers::sleep(ms).await;
    }
    Ok(json!(steps).to_string())
}

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let (verb, rest) = text.split_once(':').ok_or_else(usage)?;
    let done = match verb {
        "submit" => shown(submit(rest).await?),
        "get" => json!(jobs::get(rest.to_owned()).await?.map(shown)),
        "list" => list(rest).await?,
        "cancel" => shown(jobs::cancel(rest.to_owned()).await?),
        "wait" => shown(wait(rest).await?),
        "checkpoint" => json!(jobs::checkpoint(rest.to_owned()).await?),
        _ => return Err(usage()),
    };
    say(done.to_string()).await
}

fn usage() -> Failure {
    invalid_input(USAGE)
}

async fn submit(rest: &str) -> Result<Job, Failure> {
    let submission: Submission =
        serde_json::from_str(rest).map_err(|error| invalid_input(format!("submit: {error}")))?;
    let options = SubmitOptions {
        idempotency_key: submission.idempotency_key,
        delay: submission.delay_ms,
        priority: submission.priority,
        max_attempts: submission.max_attempts,
        timeout: submission.timeout_ms,
    };
    jobs::submit(
        submission.kind.unwrap_or_else(|| "program".to_owned()),
        submission.data.to_string(),
        options,
    )
    .await
}

async fn list(rest: &str) -> Result<Value, Failure> {
    let (status, limit) = match rest.split_once('=') {
        Some((status, limit)) => (status, limit.parse().map_err(|_| usage())?),
        None => (rest, LISTED_MAX),
    };
    let known = STATUS_NAMES
        .iter()
        .find(|(name, _)| *name == status)
        .map(|(_, status)| *status);
    if known.is_none() && !status.is_empty() {
        return Err(usage());
    }
    Ok(jobs::list(known, limit)
        .await?
        .into_iter()
        .map(shown)
        .collect())
}

async fn wait(rest: &str) -> Result<Job, Failure> {
    let (id, timeout) = match rest.split_once('=') {
        Some((id, millis)) => (id, Some(millis.parse().map_err(|_| usage())?)),
        None => (rest, None),
    };
    jobs::wait(id.to_owned(), timeout).await
}

fn shown(job: Job) -> Value {
    let progress = job
        .progress
        .map(|one| json!({ "done": one.done, "total": one.total, "message": one.message }));
    json!({
        "id": job.id, "kind": job.kind, "status": status_name(job.status), "attempt": job.attempt,
        "created_at": job.created_at, "started_at": job.started_at, "completed_at": job.completed_at,
        "progress": progress, "result": job.result.map(parsed), "error": job.error,
    })
}

fn status_name(status: Status) -> &'static str {
    STATUS_NAMES
        .iter()
        .find(|(_, known)| *known == status)
        .unwrap()
        .0
}

/// A result as JSON, or as a string if it is not JSON.
fn parsed(result: String) -> Value {
    serde_json::from_str(&result).unwrap_or(Value::String(result))
}

sdk::serve!(chat: chat, job: run_job);
