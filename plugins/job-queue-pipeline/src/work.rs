//! One attempt at a job: what the model is asked, and which failures are worth another attempt.

use sdk::hayrick::pipeline::types::{Message, Options};
use sdk::hayrick::pipeline::{llm, tasks};
use sdk::{Attempt, JobFailure, JobOutcome, user_message};
use serde_json::Value;

use crate::task::Task;

/// Asks the model; its answer, as a JSON string, is the job's result.
///
/// # Errors
/// `permanent` where the job is at fault, `retry` where another attempt may succeed.
pub async fn run(attempt: Attempt) -> JobOutcome {
    let task = Task::parse(&attempt.kind, &attempt.data).map_err(JobFailure::Permanent)?;
    tasks::note(&format!(
        "Attempt {}: the model has been asked",
        attempt.number
    ));
    let prompt = prompt(&task.data, &attempt.kind, &task.instructions);
    let answer = llm::generate(vec![prompt], Options::default()).await?;
    Ok(Value::String(answer.text).to_string())
}

/// What a model is asked.
pub fn prompt(data: &str, kind: &str, instructions: &[String]) -> Message {
    let mut text = format!("Process this job: {data}\n\nJob Type: {kind}");
    for instruction in instructions {
        text.push_str("\n\nInstruction: ");
        text.push_str(instruction);
    }
    user_message(text)
}
