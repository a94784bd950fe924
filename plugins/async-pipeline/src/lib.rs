//! Answers the last question of a chat, streaming the answer as the model generates it.

use sdk::hayrick::pipeline::types::{Level, Options};
use sdk::hayrick::pipeline::{llm, log, response};
use sdk::{ChatRequest, Outcome, question, user_message};

async fn chat(request: ChatRequest) -> Outcome {
    let question = question(&request.messages)?;
    log::write(Level::Info, &format!("Processing question: {question}"));

    let prompt = user_message(format!("You are a helpful assistant. Answer: {question}"));
    let answer = llm::generate_stream(vec![prompt], Options::default()).await?;
    response::forward(answer).await
}

sdk::serve!(chat: chat);
