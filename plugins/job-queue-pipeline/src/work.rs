//! One attempt at a job: the prompt, and which failures are worth another attempt.

use sdk::hayrick::pipeline::types::{Message, Options};
use sdk::hayrick::pipeline::{llm, tasks};
use sdk::{Attempt, JobFailure, JobOutcome, user_message};
use serde_json::Value;

use crate::task::Task;

/// Asks the model. Its answer, as a JSON string, is the job's result.
///
/// # Errors
/// `permanent` if the job itself is at fault, `retry` if another attempt may succeed.
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

/// The prompt for a job.
pub fn prompt(data: &str, kind: &str, instructions: &[String]) -> Message {
    let mut text = format!("Process this job: {data}\n\nJob Type: {kind}");
    for instruction in instructions {
        text.push_str("\n\nInstruction: ");
        text.push_str(instruction);
    }
    user_message(text)
}
