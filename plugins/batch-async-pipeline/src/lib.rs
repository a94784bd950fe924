//! Applies one instruction to every item of a batch: five items at a time, or one by one.

mod batch;
mod concurrent;
mod item;
mod sequential;

use batch::Batch;
use sdk::hayrick::pipeline::types::Options;
use sdk::hayrick::pipeline::{llm, response};
use sdk::{ChatRequest, Outcome, invalid_input, question};

async fn chat(request: ChatRequest) -> Outcome {
    match Batch::parse(&request.body).map_err(invalid_input)? {
        Some(batch) if batch.sequential => sequential::process(batch).await,
        Some(batch) => concurrent::process(batch).await,
        None => answer(question(&request.messages)?).await,
    }
}

/// Answers a chat without a batch as a batch of one, streaming the answer.
async fn answer(question: String) -> Outcome {
    let prompt = item::prompt(&question, "Answer this question");
    let answer = llm::generate_stream(vec![prompt], Options::default()).await?;
    response::forward(answer).await
}

sdk::serve!(chat: chat);
