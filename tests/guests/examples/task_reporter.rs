//! Takes the number of steps given in the last user message, `STEPS MILLISECONDS`. Each step
//! reports progress, leaves a note, sends text to the client and then waits. A field with the id of
//! the run is sent first.

use sdk::hayrick::pipeline::types::{Chunk, Progress};
use sdk::hayrick::pipeline::{response, tasks, timers};
use sdk::{ChatRequest, Outcome, invalid_input, question, say};
use serde_json::json;

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let (steps, millis) =
        parse(&text).ok_or_else(|| invalid_input(format!("{text:?} is not STEPS MILLISECONDS")))?;
    response::send(Chunk::Fields(json!({ "task_id": tasks::id() }).to_string())).await?;
    for step in 1..=steps {
        tasks::report(&Progress {
            done: step,
            total: Some(steps),
            message: Some(format!("step {step}")),
        });
        tasks::note(&format!("note {step}"));
        say(format!("step {step} of {steps}\n")).await?;
        timers::sleep(millis).await;
    }
    Ok(())
}

fn parse(text: &str) -> Option<(u64, u64)> {
    let (steps, millis) = text.split_once(' ')?;
    Some((steps.parse().ok()?, millis.parse().ok()?))
}

sdk::serve!(chat: chat);
