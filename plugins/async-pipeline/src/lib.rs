//! Answers the last question of a chat, passed on as the model generates it.

use exports::hayrick::pipeline::chat::{self, ChatRequest};
use exports::hayrick::pipeline::lifecycle;
use hayrick::pipeline::types::{Failure, FailureKind, Level, Message, Options, Part, Role};
use hayrick::pipeline::{llm, log, response};

wit_bindgen::generate!({
    path: "../../wit",
    world: "wrapper",
    additional_type_attributes: { "hayrick:pipeline/types@0.1.0/options": [#[derive(Default)]] },
});

struct AsyncPipeline;

impl lifecycle::Guest for AsyncPipeline {
    async fn setup() -> Result<(), Failure> {
        Ok(())
    }
}

impl chat::Guest for AsyncPipeline {
    async fn run_chat_completion(request: ChatRequest) -> Result<(), Failure> {
        let question = last_user_text(&request.messages).ok_or_else(no_question)?;
        log::write(Level::Info, &format!("Processing question: {question}"));

        let prompt = user_message(format!("You are a helpful assistant. Answer: {question}"));
        let answer = llm::generate_stream(vec![prompt], Options::default()).await?;
        response::forward(answer).await
    }
}

/// The text of the last message that the user sent, if it has any.
fn last_user_text(messages: &[Message]) -> Option<String> {
    let message = messages.iter().rfind(|message| message.role == Role::User)?;
    let texts = message.content.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    Some(texts.collect::<String>()).filter(|text| !text.trim().is_empty())
}

fn no_question() -> Failure {
    let message = "messages has no text from the user: add {\"role\": \"user\", \"content\": \"your question\"}";
    Failure { kind: FailureKind::InvalidInput, message: message.to_owned(), retry_after: None }
}

fn user_message(text: String) -> Message {
    Message { role: Role::User, content: vec![Part::Text(text)], name: None, tool_calls: Vec::new(), tool_call_id: None }
}

export!(AsyncPipeline);
