//! Collects the chunks of a generation into an answer.

use std::collections::BTreeMap;

use hayrick_types::chunk::{Chunk, FinishReason, ToolCallDelta};
use hayrick_types::failure::Failure;
use hayrick_types::generation::Answer;
use hayrick_types::merged::{Merged, Texts};
use hayrick_types::message::ToolCall;

use crate::llm::generation::Generation;

/// Reads a generation to its end. `count` sees each chunk, and its error ends the generation.
///
/// # Errors
/// As [`Generation::next`], and those of `count`.
pub(crate) async fn collect(
    mut generation: Generation,
    mut count: impl FnMut(&Chunk) -> Result<(), Failure>,
) -> Result<Answer, Failure> {
    let mut answer = Answer {
        text: String::new(),
        reasoning: None,
        tool_calls: Vec::new(),
        finish: FinishReason::Stop,
        usage: None,
        message_fields: None,
        choice_fields: None,
        fields: None,
    };
    let mut calls = BTreeMap::new();
    let (mut message, mut choice) = (Merged::default(), Merged::default());
    while let Some(chunk) = generation.next().await? {
        count(&chunk)?;
        match chunk {
            Chunk::Text(text) => answer.text.push_str(&text),
            Chunk::Reasoning(text) => answer.reasoning.get_or_insert_default().push_str(&text),
            Chunk::ToolCall(delta) => add(&mut calls, delta),
            Chunk::Usage(usage) => answer.usage = Some(usage),
            Chunk::Finish(reason) => answer.finish = reason,
            Chunk::MessageFields(json) => message.add_all(&json, Texts::Joined),
            Chunk::ChoiceFields(json) => choice.add_all(&json, Texts::Replaced),
            Chunk::Fields(json) => answer.fields = Some(json.into_string()),
            // No model sends these.
            Chunk::Event(_) => {}
        }
    }
    answer.tool_calls = calls.into_values().collect();
    answer.message_fields = message.into_json();
    answer.choice_fields = choice.into_json();
    Ok(answer)
}

fn add(calls: &mut BTreeMap<u32, ToolCall>, delta: ToolCallDelta) {
    let empty = || ToolCall {
        id: format!("call_{}", delta.index),
        name: String::new(),
        arguments: String::new(),
        fields: None,
    };
    let call = calls.entry(delta.index).or_insert_with(empty);
    call.arguments.push_str(&delta.arguments);
    call.fields = delta.fields.or(call.fields.take());
    if let Some(id) = delta.id {
        call.id = id;
    }
    if let Some(name) = delta.name {
        call.name = name;
    }
}
