//! Runs the command in the last user message, `verb:rest`. The same guest exists in Python and in
//! JavaScript.

use futures_util::future::try_join_all;
use sdk::hayrick::pipeline::types::{Failure, FailureKind, Message, Options};
use sdk::hayrick::pipeline::{llm, response};
use sdk::{ChatRequest, Outcome, failure, invalid_input, question, say, user_message};

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    match text.split_once(':') {
        Some(("echo", rest)) => echo(rest).await,
        Some(("relay", _)) => relay(request.messages).await,
        Some(("forward", _)) => {
            response::forward(llm::generate_stream(request.messages, Options::default()).await?)
                .await
        }
        Some(("gather", rest)) => gather(rest).await,
        Some(("body", _)) => say(request.body).await,
        Some(("fail", rest)) => Err(parse_failure(rest)),
        _ => Err(invalid_input(
            "begin the message with echo:, relay:, forward:, gather:, body: or fail:",
        )),
    }
}

/// Sends the text back word by word.
async fn echo(text: &str) -> Outcome {
    for word in text.split_inclusive(' ') {
        say(word).await?;
    }
    Ok(())
}

/// Relays a generation chunk by chunk.
async fn relay(messages: Vec<Message>) -> Outcome {
    let generation = llm::generate_stream(messages, Options::default()).await?;
    while let Some(chunk) = generation.next().await? {
        response::send(chunk).await?;
    }
    Ok(())
}

/// Asks all questions, separated by bars, concurrently, and sends the answers in order.
async fn gather(questions: &str) -> Outcome {
    let answers = questions
        .split('|')
        .map(|question| llm::generate(vec![user_message(question)], Options::default()));
    for answer in try_join_all(answers).await? {
        say(answer.text + "\n").await?;
    }
    Ok(())
}

/// Parses `kind:message`.
fn parse_failure(text: &str) -> Failure {
    let (kind, message) = text.split_once(':').unwrap_or((text, ""));
    let kind = match kind {
        "invalid-input" => FailureKind::InvalidInput,
        "not-found" => FailureKind::NotFound,
        "denied" => FailureKind::Denied,
        "unavailable" => FailureKind::Unavailable,
        "timeout" => FailureKind::Timeout,
        "cancelled" => FailureKind::Cancelled,
        "limit" => FailureKind::Limit,
        "failed" => FailureKind::Failed,
        _ => return invalid_input(format!("unknown kind of failure: {kind}")),
    };
    failure(kind, message)
}

sdk::serve!(chat: chat);
